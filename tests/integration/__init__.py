"""Black-box tests: the real binary and protocols; only the far side of a wire is made up."""

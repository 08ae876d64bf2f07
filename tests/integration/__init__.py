"""Black-box tests: the real binary, its real protocols, nothing mocked but the far side of a wire."""

"""The machinery of `make bench`: servers on one core, load on the other, ratios in a table."""

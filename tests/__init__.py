"""Tests of the running binary and the tools that they share."""

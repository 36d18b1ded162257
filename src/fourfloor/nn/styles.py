"""Styles by number, as networks see them."""

MAX_STYLES = 64  # rows of an embedding
NO_STYLE = 0  # the number that means "any"

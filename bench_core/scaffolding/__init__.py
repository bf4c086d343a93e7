"""The beginning of a method of one's own: a package that works as it is, written from templates."""

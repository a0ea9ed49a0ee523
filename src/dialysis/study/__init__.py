"""A study's configuration and tables: load, validate, name every problem at once."""

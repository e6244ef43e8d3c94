"""The neurox command."""

"""Archives that are read without being unpacked."""

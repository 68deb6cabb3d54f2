"""What `init` makes of what it finds: values in, texts and choices out."""

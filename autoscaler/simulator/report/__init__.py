"""Reports: values in, one self-contained page of HTML out."""

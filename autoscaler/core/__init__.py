"""Pure decisions on arrays: values in, values out; no clock, network, logging or randomness."""

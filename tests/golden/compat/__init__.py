"""What published versions wrote and were told: everything of it must be read to the same values for ever."""

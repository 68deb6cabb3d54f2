"""Other systems' decision rules, and the bounds of all, as deciders of the same interface as the controller."""

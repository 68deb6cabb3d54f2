"""Other systems' decision rules as pure policies of their own, for planners to compare with."""

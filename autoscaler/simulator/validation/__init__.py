"""What the simulator is held against: closed forms, golden points, published cases, measurements of real systems."""

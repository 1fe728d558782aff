"""What was seen of a run from outside the controller, and what it says: promises, phases, the tale."""

"""What a person starts: a drill, a soak, a cloud to look at; the bed that they run on, and the screen."""

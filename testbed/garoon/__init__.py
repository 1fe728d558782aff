"""The Garoon installation that the controller protects, its App servers, and the user in front of them."""

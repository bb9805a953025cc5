"""Tables that name images and their labels, and tables that hold the images themselves."""

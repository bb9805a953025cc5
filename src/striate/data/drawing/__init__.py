"""Images drawn for a person: with their targets, on contact sheets, and as each epoch augments them."""

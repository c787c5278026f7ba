"""Labels that users bring with their pictures: read, matched by name, moved with the pixels."""

"""Class folders: each folder of images is a class, with or without folders of splits around or inside them."""

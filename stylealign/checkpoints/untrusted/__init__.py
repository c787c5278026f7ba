"""Files from anywhere, read without running anything in them: pickles, and the two kinds of file that torch writes."""

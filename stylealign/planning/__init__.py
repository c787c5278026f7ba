"""What a run costs before it starts: time, disk and downloads of every job. Imports no torch."""

"""Who runs where and who waits why. Pure: no I/O, no clock."""

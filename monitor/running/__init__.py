"""What people had run: one program, to its end, away from everything else. Standard library only."""

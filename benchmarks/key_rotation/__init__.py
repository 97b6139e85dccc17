"""Keys turn under writers and readers, while the job that reseals is killed again and again.

    python -m benchmarks.key_rotation --store sqlite:////tmp/rotation.db --rotations 60

It fails unless every read opened, every acknowledged change is there in the end, and nothing stands
under any key but the last.
"""

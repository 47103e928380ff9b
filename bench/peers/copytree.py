"""Copies a file or a tree as Python's standard library does."""
import os
import shutil
import sys

source, target = sys.argv[1:]
if os.path.isdir(source):
    shutil.copytree(source, target, symlinks=True)
else:
    shutil.copy2(source, target)

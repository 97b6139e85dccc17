"""Other people's stores, each in a module that loads its package when it is opened.

The packages are loaded by name: this library neither needs them nor is checked against them.
"""

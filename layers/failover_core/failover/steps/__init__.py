"""One module for each step of the workflows, named as its function and its state.

Every step may run again at any time: it checks, acts, and checks; already done is success. Every step that changes
something first makes sure that its execution still owns the lock.
"""

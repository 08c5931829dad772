"""What pictures say of their own making, program by program: readers of text, none of which runs what it reads.

`reading.read_settings` finds the program and gives one `Generation` a sampling pass, the first pass first. Each
reader puts what it understands into a field and everything else into `other`, under the file's own name for it:
`explorer.images.imported` then uses it, knows it to be harmless, or names it.
"""

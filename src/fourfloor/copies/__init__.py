"""Is a loop a copy of the training music, and who decides?

passages        a dataset -> the stretches of music that are searched
index, search   a loop -> the nearest passage, and how near it is
packing         an index -> a small file, checked when it is read
fingerprints    the file that lies beside every model that makes loops
policy          from which score on a loop is a copy, and who acts on it
"""

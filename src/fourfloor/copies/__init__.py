"""Is a loop a copy of the training music, and who decides?

passages        a dataset -> the stretches of music that are searched
index           a loop -> the nearest passage, and how near it is
patches         a loop -> what of it is searched for
windows         passages, coarsely -> where a first look begins
search          patches and windows -> the pairs that may be alike
levels          passages in full, in pieces that are read one at a time
packing, old    an index -> a file, checked when it is read; the file of earlier versions
fingerprints    the file that lies beside every model that makes loops
policy          from which score on a loop is a copy, and who acts on it
"""

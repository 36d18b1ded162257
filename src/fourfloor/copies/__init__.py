"""Is a loop a copy of the training music, and who decides?

passages        a dataset -> the stretches of music that are searched
index           a loop -> the nearest passage, and how near it is
patches         a loop -> what of it is searched for
windows         passages, coarsely -> where a first look begins
vocabulary      a window -> the numbers that describe it, and its cell
postings        windows by cell: few are looked at, however much music there is
search          patches and postings -> the pairs that may be alike
levels          passages in full, in pieces that are read one at a time
parts           so much music that one file would not hold it
packing, cells  an index -> its files, checked when they are read
old             the file of earlier versions
fingerprints    the file that lies beside every model that makes loops
policy          from which score on a loop is a copy, and who acts on it
"""

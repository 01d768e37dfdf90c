package replica

// setComplete says that every mail is in the index from now on.
func (ix *Index) setComplete() {
	ix.mu.Lock()
	if ix.complete {
		ix.mu.Unlock()
		return
	}
	ix.countAll()
	ix.complete = true
	ix.gen++
	n := ix.next()
	ix.emailSeq, ix.threadSeq, ix.boxSeq = n, n, n
	ix.floor = n
	ix.mu.Unlock()
	ix.notify()
}

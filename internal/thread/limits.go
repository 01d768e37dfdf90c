package thread

// MaxSubject bounds the bytes of a subject that are compared: no two subjects
// that people keep apart agree in so many.
const MaxSubject = 4096

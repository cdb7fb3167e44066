package regex

// nodeOp is the kind of a parse tree node.
type nodeOp uint8

const (
	nEmpty    nodeOp = iota
	nFail            // (*FAIL), an empty class
	nChar            // one character: r, fold
	nString          // a run of bytes: str, fold (made by the optimizer)
	nSet             // one character of a set: set
	nByte            // \C: one byte in any mode
	nGrapheme        // \X
	nCat             // subs in sequence
	nAlt             // subs as alternatives
	nGroup           // plain group: subs[0]; kept only while parsing
	nCapture         // capturing group n: subs[0]
	nRepeat          // subs[0] min..max times in mode
	nAtomic          // atomic group: subs[0]
	nLook            // look-around: subs[0], behind, neg, nonAtomic
	nCond            // conditional: kind, n, subs[0] yes, subs[1] no (may be nil), cond
	nBackref         // reference to one of the groups in list
	nCall            // subroutine call or recursion of group n
	nAssert          // zero-width test: kind
	nVerb            // backtracking verb: kind, str
	nKeep            // \K
	nScript          // script run: subs[0]
	nScan            // (*scan_substring:(list)...): list, subs[0]
)

// repeat modes
type repMode uint8

const (
	greedy repMode = iota
	lazy
	possessive
)

// infinite is the max of an unlimited repeat.
const infinite = 1 << 30

// assertKind is the zero-width test of an nAssert node.
type assertKind uint8

const (
	aBeginSubject    assertKind = iota // \A, ^
	aBeginLine                         // ^ with /m
	aEndSubject                        // \z, $ with DollarEndOnly
	aEndOrNewline                      // \Z, $
	aEndLine                           // $ with /m
	aStartOffset                       // \G
	aWordBoundary                      // \b
	aNotWordBoundary                   // \B
	aDollar                            // $ : as \Z but subject to the not-end-of-line option
)

// condKind is the test of an nCond node.
type condKind uint8

const (
	cGroup     condKind = iota // group n (or any of list) is set
	cRecursion                 // inside a recursion (n: of this group, -1: of any)
	cDefine                    // never true
	cTrue                      // always true (a VERSION test that holds)
	cAssert                    // cond is a look-around
)

// verbKind is the verb of an nVerb node.
type verbKind uint8

const (
	vAccept verbKind = iota
	vCommit
	vPrune
	vSkip
	vSkipName
	vThen
	vMark
)

// node is one node of the parse tree. Which fields count depends on op.
type node struct {
	op        nodeOp
	fold      bool
	neg       bool
	behind    bool
	nonAtomic bool
	mode      repMode
	kind      uint8 // assertKind, condKind or verbKind
	ucp       bool  // aWordBoundary by Unicode properties
	r         rune
	set       *charset
	n         int
	min, max  int
	list      []int // groups; look-behind: shortest and longest length of each branch
	str       string
	off       int // pattern offset for a late error
	name      string
	cond      *node
	subs      []*node
}

func empty() *node { return &node{op: nEmpty} }

// cat makes a sequence of the items.
func cat(items []*node) *node {
	switch len(items) {
	case 0:
		return empty()
	case 1:
		return items[0]
	}
	return &node{op: nCat, subs: items}
}

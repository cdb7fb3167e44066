package regex

// opcode is the operation of one instruction.
type opcode uint8

const (
	opMatch     opcode = iota
	opFail             // never matches
	opChar             // byte b
	opFold             // byte b or b2: the two cases of a letter
	opStr              // str
	opStrFold          // str, lower case; letters of either case
	opSet              // one byte of set
	opAny              // any byte
	opUSet             // one UTF-8 character of ext
	opGrapheme         // \X
	opJmp              // x
	opSplit            // x, else y; set and next filter by the next byte, flags by the end
	opAlt              // ext.table: branches by the next byte
	opLoop             // bytes of set, min..max, greedy
	opLoopLazy         // the same, lazy
	opLoopPoss         // the same, possessive
	opULoop            // characters of ext, greedy
	opULoopLazy        //
	opULoopPoss        //
	opCapLoop          // opLoopPoss that is a group: slots x and y := its bounds
	opSave             // capture slot x := position
	opTemp             // slot x := position, to be used by opCapture
	opCapture          // capture group x := slot y .. position
	opMark             // slot x := position, loop start of a nullable body
	opEmpty            // if position is slot x: jump y
	opBack             // move back min characters
	opBackVar          // move back max..min characters
	opCheckPos         // position must be slot x
	opBegin            // an atomic group or look-ahead begins: slot x := stack height, x+1 := position
	opCut              // drop the choices since slot x
	opCutCall          // drop the choices since the current call
	opLookEnd          // the same, and back to the position of x+1
	opLookBack         // back to the position of slot x+1, choices kept
	opNegBegin         // as opBegin; when the body fails go on at y
	opNegEnd           // the body matched: undo since slot x, then fail
	opHeight           // slot x := stack height, for opThen
	opBol              // ^ with multiline
	opBegText          // \A
	opEol              // $ with multiline
	opDollar           // $
	opEndText          // \z
	opEndNL            // \Z
	opStartPos         // \G
	opWordB            // \b; flag fNot for \B
	opBackref          // ext.list
	opCall             // subroutine at x, of group y
	opRet              // end of a subroutine
	opCondSet          // any group of ext.list set: next, else x
	opCondRec          // in a recursion of group y (-1 any): next, else x
	opKeep             // \K
	opVerb             // verb b: x slot of the height for THEN (-1 none), y 1 if an alternative follows
	opScript           // the text since slot x must be of one script
	opScan             // scan_substring: the subject is the first set group of ext.list; slots as opBegin
	opScanEnd          // the whole subject again, at the position of slot x+1
)

// flags of an instruction
const (
	fEndX     uint16 = 1 << iota // opSplit: branch x may succeed at the end of the subject; loops: the rest may
	fEndY                        // opSplit: branch y may
	fNot                         // opWordB
	fUCP                         // opWordB: Unicode words
	fFold                        // opBackref: caseless
	fUTF                         // loops: step back by characters
	fNextByte                    // loops: the next byte can only be b
	fAll                         // loops: every byte is in the set
	fMemo                        // opSplit, opAlt, loops: failures may be remembered; place min, loops: x
	fNotByte                     // loops: every byte but b2 is in the set
)

// inst is one instruction: 64 bytes, one cache line.
type inst struct {
	op       opcode
	b, b2    byte
	flag     uint16
	x, y     int32
	min, max int32
	set      *byteSet
	next     *byteSet
	str      string
	ext      *ext
}

// ext holds the operands of the rarer instructions.
type ext struct {
	ascii  *byteSet    // opUSet and loops: members below 128
	low    *[32]uint64 // those below 0x800, a bit each: two bytes of UTF-8
	set    *charset    // and the others
	list   []int32     // groups
	table  *altTable
	hasAll bool
}

// altTable selects the branches of an alternation by the next byte.
type altTable struct {
	class [257]uint16 // by byte, 256 at the end of the subject; 0: none can match
	lists [][]int32   // branch addresses in order
}

// program is compiled code.
type program struct {
	code  []inst
	ncap  int // groups without 0
	nregs int // capture slots and registers
	// marksOrCalls: the program has verbs, calls or scan_substring, whose
	// state must be reset at every attempt.
	marksOrCalls bool
	memos        int  // places whose failures may be remembered
	keeps        bool // the program has \K
	// marks holds the names of (*MARK) and others, by number.
	marks []string
}

package vm

// An instruction has 64 bits:
//
//	0..7   8..15  16..31  32..47  48..63
//	op     A      B       C       E
//	                      D (signed 32 bits: C and E)
//
// A is a register. B and C are registers, constants or counts. E carries the low 16 bits of the hash of a string
// constant in C or B. D is a jump distance from the next instruction, or a count. Conditional instructions carry
// their jump, which leads forward: only opJmp, opJmpClose, opForLoop and opTForLoop lead back, since they burn fuel.
type opcode uint8

const (
	opMove      opcode = iota // R[A] = R[B]
	opLoadK                   // R[A] = K[B]
	opLoadPri                 // R[A] = nil, false or true by tag B
	opLoadNil                 // R[A..B] = nil
	opGetUpval                // R[A] = *upvalue[B]
	opGetUpvalV               // R[A] = upvalue[B], held by value
	opSetUpval                // *upvalue[A] = R[B]
	opGetGlobal               // R[A] = env[K[B]]
	opSetGlobal               // env[K[B]] = R[A]
	opGetTable                // R[A] = R[B][R[C]]
	opGetField                // R[A] = R[B][K[C]]
	opGetIndex                // R[A] = R[B][C]
	opSetTable                // R[A][R[B]] = R[C]
	opSetField                // R[A][K[C]] = R[B]
	opSetIndex                // R[A][C] = R[B]
	opSelf                    // R[A+1] = R[B]; R[A] = R[B][K[C]]

	opAddRR // R[A] = R[B] + R[C]; the order of the six operators and three operand forms is relied upon
	opSubRR
	opMulRR
	opDivRR
	opModRR
	opPowRR
	opAddRK // R[A] = R[B] + K[C]
	opSubRK
	opMulRK
	opDivRK
	opModRK
	opPowRK
	opAddKR // R[A] = K[B] + R[C]
	opSubKR
	opMulKR
	opDivKR
	opModKR
	opPowKR

	opUnm    // R[A] = -R[B]
	opNot    // R[A] = not R[B]
	opLen    // R[A] = #R[B]
	opConcat // R[A] = R[B] .. ... .. R[C]

	opJmp      // jump D
	opJmpClose // close upvalues from R[A] on, jump D
	opClose    // close upvalues from R[A] on

	opLT  // if R[A] < R[B] jump D; each conditional is followed by its negation
	opNLT // if not R[A] < R[B] jump D
	opLE
	opNLE
	opLTK // if R[A] < K[B] jump D
	opNLTK
	opLEK
	opNLEK
	opGTK // if K[B] < R[A] jump D
	opNGTK
	opGEK // if K[B] <= R[A] jump D
	opNGEK
	opEQ // if R[A] == R[B] jump D
	opNE
	opEQK // if R[A] == K[B] jump D
	opNEK
	opEQP // if R[A] has tag B (nil, false, true) jump D
	opNEP
	opJT // if R[A] jump D
	opJF
	opJTSet // if R[B] then R[A] = R[B]; jump D
	opJFSet

	opForPrep  // check and prepare R[A..A+2]; jump D if the loop does not run
	opForLoop  // step; R[A+3] = R[A]; jump D while it runs
	opTForPrep // prepare a generic loop; jump D to its opTForCall
	opTForCall // R[A+4..A+3+C] = R[A](R[A+1], R[A+2])
	opTForLoop // if R[A+4] ~= nil then R[A+2] = R[A+4]; jump D

	opCall     // R[A..A+C-2] = R[A](R[A+1..A+B-1]); B, C = 0: to the top
	opTailCall // return R[A](R[A+1..A+B-1]); C = 1: close upvalues first
	opRet      // return R[A..A+B-2]; C = 1: close upvalues first
	opRet0     // return
	opRet1     // return R[A]
	opClosure  // R[A] = function(protos[B])
	opVararg   // R[A..A+C-2] = ...
	opNewTable // R[A] = {} with room for B elements and C fields
	opSetList  // R[A][D+1..] = R[A+1..A+B-1]; B = 0: to the top

	numOpcodes
)

func ins(op opcode, a, b, c int) uint64 {
	return uint64(op) | uint64(uint8(a))<<8 | uint64(uint16(b))<<16 | uint64(uint16(c))<<32
}

func insD(op opcode, a, b, d int) uint64 {
	return uint64(op) | uint64(uint8(a))<<8 | uint64(uint16(b))<<16 | uint64(uint32(int32(d)))<<32
}

func insOp(i uint64) opcode { return opcode(i) }
func insA(i uint64) int     { return int(uint8(i >> 8)) }
func insB(i uint64) int     { return int(uint16(i >> 16)) }
func insC(i uint64) int     { return int(uint16(i >> 32)) }
func insDist(i uint64) int  { return int(int32(i >> 32)) }

func setA(i *uint64, a int)     { *i = *i&^(0xff<<8) | uint64(uint8(a))<<8 }
func setB(i *uint64, b int)     { *i = *i&^(0xffff<<16) | uint64(uint16(b))<<16 }
func setC(i *uint64, c int)     { *i = *i&^(0xffff<<32) | uint64(uint16(c))<<32 }
func setD(i *uint64, d int)     { *i = *i&(1<<32-1) | uint64(uint32(int32(d)))<<32 }
func setOp(i *uint64, o opcode) { *i = *i&^0xff | uint64(o) }

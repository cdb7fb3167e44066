#include "textflag.h"

// See doc.go for the layout of the key and the arithmetic.

// bswap reverses the bytes of each 128-bit lane.
DATA bswap<>+0(SB)/8, $0x08090a0b0c0d0e0f
DATA bswap<>+8(SB)/8, $0x0001020304050607
GLOBL bswap<>(SB), RODATA|NOPTR, $16

// poly is x^128 + x^127 + x^126 + x^121 + 1 without its first term.
DATA poly<>+0(SB)/8, $0x0000000000000001
DATA poly<>+8(SB)/8, $0xc200000000000000
GLOBL poly<>(SB), RODATA|NOPTR, $16

// lanes are the counters of one register's blocks; step is the distance to the
// next register.
DATA lanes<>+0(SB)/8, $0
DATA lanes<>+8(SB)/8, $0
DATA lanes<>+16(SB)/8, $1
DATA lanes<>+24(SB)/8, $0
DATA lanes<>+32(SB)/8, $2
DATA lanes<>+40(SB)/8, $0
DATA lanes<>+48(SB)/8, $3
DATA lanes<>+56(SB)/8, $0
GLOBL lanes<>(SB), RODATA|NOPTR, $64

DATA step<>+0(SB)/8, $4
DATA step<>+8(SB)/8, $0
GLOBL step<>(SB), RODATA|NOPTR, $16

// AX is the key. Round keys go to Z16-Z26, those that only AES-256 has to
// Z27-Z30, and BX is the number of rounds.
#define LOADKEYS \
	MOVQ 240(AX), BX \
	VBROADCASTI32X4 (AX), Z16 \
	VBROADCASTI32X4 16(AX), Z17 \
	VBROADCASTI32X4 32(AX), Z18 \
	VBROADCASTI32X4 48(AX), Z19 \
	VBROADCASTI32X4 64(AX), Z20 \
	VBROADCASTI32X4 80(AX), Z21 \
	VBROADCASTI32X4 96(AX), Z22 \
	VBROADCASTI32X4 112(AX), Z23 \
	VBROADCASTI32X4 128(AX), Z24 \
	VBROADCASTI32X4 144(AX), Z25 \
	VBROADCASTI32X4 160(AX), Z26 \
	VBROADCASTI32X4 176(AX), Z27 \
	VBROADCASTI32X4 192(AX), Z28 \
	VBROADCASTI32X4 208(AX), Z29 \
	VBROADCASTI32X4 224(AX), Z30

// R8 points at the next counter block. Z4 becomes four counters, bytes
// reversed, Z5 the step, Z31 and Z15 the constants.
#define LOADCTR \
	VBROADCASTI32X4 bswap<>(SB), Z31 \
	VBROADCASTI32X4 poly<>(SB), Z15 \
	VBROADCASTI32X4 step<>(SB), Z5 \
	VBROADCASTI32X4 (R8), Z4 \
	VPSHUFB Z31, Z4, Z4 \
	VPADDD lanes<>(SB), Z4, Z4

// The next sixteen counter blocks in Z0-Z3, under the first round key.
#define COUNTERS \
	VPSHUFB Z31, Z4, Z0 \
	VPADDD Z5, Z4, Z4 \
	VPSHUFB Z31, Z4, Z1 \
	VPADDD Z5, Z4, Z4 \
	VPSHUFB Z31, Z4, Z2 \
	VPADDD Z5, Z4, Z4 \
	VPSHUFB Z31, Z4, Z3 \
	VPADDD Z5, Z4, Z4 \
	VPXORQ Z16, Z0, Z0 \
	VPXORQ Z16, Z1, Z1 \
	VPXORQ Z16, Z2, Z2 \
	VPXORQ Z16, Z3, Z3

#define ROUND(K) \
	VAESENC K, Z0, Z0 \
	VAESENC K, Z1, Z1 \
	VAESENC K, Z2, Z2 \
	VAESENC K, Z3, Z3

#define LAST(K) \
	VAESENCLAST K, Z0, Z0 \
	VAESENCLAST K, Z1, Z1 \
	VAESENCLAST K, Z2, Z2 \
	VAESENCLAST K, Z3, Z3

#define ROUNDS9 \
	ROUND(Z17) \
	ROUND(Z18) \
	ROUND(Z19) \
	ROUND(Z20) \
	ROUND(Z21) \
	ROUND(Z22) \
	ROUND(Z23) \
	ROUND(Z24) \
	ROUND(Z25)

#define ROUNDS256 \
	ROUND(Z26) \
	ROUND(Z27) \
	ROUND(Z28) \
	ROUND(Z29) \
	LAST(Z30)

// One register of blocks times four powers of H at OFF, added to low Z6,
// middle Z7 and high Z8.
#define MULADD(D, OFF) \
	VMOVDQU64 OFF(AX), Z13 \
	VPCLMULQDQ $0x00, Z13, D, Z10 \
	VPXORQ Z10, Z6, Z6 \
	VPCLMULQDQ $0x01, Z13, D, Z10 \
	VPCLMULQDQ $0x10, Z13, D, Z11 \
	VPTERNLOGD $0x96, Z10, Z11, Z7 \
	VPCLMULQDQ $0x11, Z13, D, Z10 \
	VPXORQ Z10, Z8, Z8

// Z12 is the hash so far in its lowest lane, the others zero. A-D are sixteen
// blocks, bytes reversed; A is changed. Z12 becomes the hash with them.
#define GHASH16(A, B, C, D) \
	VPXORQ Z12, A, A \
	VMOVDQU64 256(AX), Z13 \
	VPCLMULQDQ $0x00, Z13, A, Z6 \
	VPCLMULQDQ $0x01, Z13, A, Z7 \
	VPCLMULQDQ $0x10, Z13, A, Z10 \
	VPXORQ Z10, Z7, Z7 \
	VPCLMULQDQ $0x11, Z13, A, Z8 \
	MULADD(B, 320) \
	MULADD(C, 384) \
	MULADD(D, 448) \
	VPCLMULQDQ $0x01, Z6, Z15, Z10 \
	VPSHUFD $0x4e, Z6, Z6 \
	VPTERNLOGD $0x96, Z10, Z6, Z7 \
	VPCLMULQDQ $0x01, Z7, Z15, Z10 \
	VPSHUFD $0x4e, Z7, Z7 \
	VPTERNLOGD $0x96, Z10, Z7, Z8 \
	VEXTRACTI64X4 $1, Z8, Y10 \
	VPXORQ Y10, Y8, Y8 \
	VEXTRACTI32X4 $1, Y8, X10 \
	VPXORQ X10, X8, X12

// R9 points at the hash so far.
#define LOADHASH \
	VMOVDQU64 (R9), X12 \
	VPSHUFB X31, X12, X12

#define STOREHASH \
	VPSHUFB X31, X12, X12 \
	VMOVDQU64 X12, (R9)

#define STORECTR \
	VPSHUFB X31, X4, X4 \
	VMOVDQU64 X4, (R8)

// func seal16(k *key, dst, src *byte, n int, ctr, hash *[16]byte)
TEXT ·seal16(SB), NOSPLIT, $0-48
	MOVQ k+0(FP), AX
	MOVQ dst+8(FP), DI
	MOVQ src+16(FP), SI
	MOVQ n+24(FP), CX
	MOVQ ctr+32(FP), R8
	MOVQ hash+40(FP), R9
	LOADKEYS
	LOADCTR
	LOADHASH

sealLoop:
	COUNTERS
	ROUNDS9
	CMPQ BX, $10
	JNE  seal256
	LAST(Z26)
	JMP  sealXor

seal256:
	ROUNDS256

sealXor:
	VPXORQ (SI), Z0, Z0
	VPXORQ 64(SI), Z1, Z1
	VPXORQ 128(SI), Z2, Z2
	VPXORQ 192(SI), Z3, Z3
	VMOVDQU64 Z0, (DI)
	VMOVDQU64 Z1, 64(DI)
	VMOVDQU64 Z2, 128(DI)
	VMOVDQU64 Z3, 192(DI)
	VPSHUFB Z31, Z0, Z0
	VPSHUFB Z31, Z1, Z1
	VPSHUFB Z31, Z2, Z2
	VPSHUFB Z31, Z3, Z3
	GHASH16(Z0, Z1, Z2, Z3)
	ADDQ $256, SI
	ADDQ $256, DI
	SUBQ $256, CX
	JNE  sealLoop
	STOREHASH
	STORECTR
	VZEROUPPER
	RET

// func open16(k *key, dst, src *byte, n int, ctr, hash *[16]byte)
TEXT ·open16(SB), NOSPLIT, $0-48
	MOVQ k+0(FP), AX
	MOVQ dst+8(FP), DI
	MOVQ src+16(FP), SI
	MOVQ n+24(FP), CX
	MOVQ ctr+32(FP), R8
	MOVQ hash+40(FP), R9
	LOADKEYS
	LOADCTR
	LOADHASH

openLoop:
	VMOVDQU64 (SI), Z0
	VMOVDQU64 64(SI), Z1
	VMOVDQU64 128(SI), Z2
	VMOVDQU64 192(SI), Z3
	VPSHUFB Z31, Z0, Z0
	VPSHUFB Z31, Z1, Z1
	VPSHUFB Z31, Z2, Z2
	VPSHUFB Z31, Z3, Z3
	GHASH16(Z0, Z1, Z2, Z3)
	COUNTERS
	ROUNDS9
	CMPQ BX, $10
	JNE  open256
	LAST(Z26)
	JMP  openXor

open256:
	ROUNDS256

openXor:
	VPXORQ (SI), Z0, Z0
	VPXORQ 64(SI), Z1, Z1
	VPXORQ 128(SI), Z2, Z2
	VPXORQ 192(SI), Z3, Z3
	VMOVDQU64 Z0, (DI)
	VMOVDQU64 Z1, 64(DI)
	VMOVDQU64 Z2, 128(DI)
	VMOVDQU64 Z3, 192(DI)
	ADDQ $256, SI
	ADDQ $256, DI
	SUBQ $256, CX
	JNE  openLoop
	STOREHASH
	STORECTR
	VZEROUPPER
	RET

// func stream16(k *key, dst *[256]byte, ctr *[16]byte)
TEXT ·stream16(SB), NOSPLIT, $0-24
	MOVQ k+0(FP), AX
	MOVQ dst+8(FP), DI
	MOVQ ctr+16(FP), R8
	LOADKEYS
	LOADCTR
	COUNTERS
	ROUNDS9
	CMPQ BX, $10
	JNE  stream256
	LAST(Z26)
	JMP  streamStore

stream256:
	ROUNDS256

streamStore:
	VMOVDQU64 Z0, (DI)
	VMOVDQU64 Z1, 64(DI)
	VMOVDQU64 Z2, 128(DI)
	VMOVDQU64 Z3, 192(DI)
	VZEROUPPER
	RET

// func hash16(k *key, blocks *[256]byte, hash *[16]byte)
TEXT ·hash16(SB), NOSPLIT, $0-24
	MOVQ k+0(FP), AX
	MOVQ blocks+8(FP), SI
	MOVQ hash+16(FP), R9
	VBROADCASTI32X4 bswap<>(SB), Z31
	VBROADCASTI32X4 poly<>(SB), Z15
	VPXORQ X12, X12, X12
	VMOVDQU64 (SI), Z0
	VMOVDQU64 64(SI), Z1
	VMOVDQU64 128(SI), Z2
	VMOVDQU64 192(SI), Z3
	VPSHUFB Z31, Z0, Z0
	VPSHUFB Z31, Z1, Z1
	VPSHUFB Z31, Z2, Z2
	VPSHUFB Z31, Z3, Z3
	GHASH16(Z0, Z1, Z2, Z3)
	STOREHASH
	VZEROUPPER
	RET

// func subWord(x uint32) uint32
TEXT ·subWord(SB), NOSPLIT, $0-12
	MOVL x+0(FP), AX
	MOVQ AX, X0
	PSHUFD $0, X0, X0
	AESKEYGENASSIST $0, X0, X1
	MOVQ X1, AX
	MOVL AX, ret+8(FP)
	RET

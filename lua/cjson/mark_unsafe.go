package cjson

import (
	"unsafe"

	"weir/lua/vm"
)

// A light userdata is compared by its address and never followed: the mark's own address makes one that nothing else
// can equal, and the package variable keeps it from moving or being collected.

// emptyArray is a light userdata that encodes as [].
func emptyArray() vm.Value { return vm.LightUserdata(unsafe.Pointer(emptyArrayMark)) }

package vm

import (
	"bytes"
	"crypto/sha256"
	"os"
	"path/filepath"
	"testing"
)

func TestStoredScriptsRunAsTheirSourceDoes(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.lua")
	for _, f := range files {
		src, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Compile(string(src), "@"+filepath.Base(f))
		if err != nil {
			t.Fatal(err)
		}
		data := p.Marshal()
		q, err := Unmarshal(data)
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		if !bytes.Equal(q.Marshal(), data) {
			t.Errorf("%s: storing what was stored gives something else", f)
		}
		if filepath.Base(f) != "dialect.lua" {
			continue
		}
		var outs [2]string
		for i, p := range [...]*Proto{p, q} {
			vm, out := newTestVM(t)
			l := vm.Main()
			l.Push(vm.Load(p).Value())
			if _, e := l.PCall(0, 0); e != nil {
				t.Fatal(e.Traceback)
			}
			outs[i] = out.String()
		}
		if outs[0] != outs[1] {
			t.Errorf("the stored script printed something else")
		}
	}
}

func TestDamagedStoredScriptsAreRefused(t *testing.T) {
	p, err := Compile(`local a, t = 1, {} for i = 1, 3 do t[i] = function() a = a + i return t.x end end return #t`, "=t")
	if err != nil {
		t.Fatal(err)
	}
	data := p.Marshal()
	for n := range data {
		if _, err := Unmarshal(data[:n]); err == nil {
			t.Fatalf("the first %d bytes were accepted", n)
		}
		bad := bytes.Clone(data)
		bad[n] ^= 0x40
		if _, err := Unmarshal(bad); err == nil {
			t.Fatalf("a change of byte %d was accepted", n)
		}
	}
}

// FuzzUnmarshal changes the body of stored scripts and makes the sum right again: verify must refuse whatever could
// leave the bounds of the function, and what it accepts must run without harm.
func FuzzUnmarshal(f *testing.F) {
	const head = len(serialMagic) + 2 + sha256.Size
	for _, src := range []string{
		`local a, t = 1, {} for i = 1, 3 do t[i] = function() a = a + i return t.x end end return #t`,
		`for k, v in pairs({1, x = 2}) do print(k .. "=" .. v) end return ...`,
		`local s = ("x"):rep(3) if s == "xxx" and not nil then return s:upper(), select("#", ...) end`,
	} {
		p, err := Compile(src, "=t")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(p.Marshal()[head:])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		sum := sha256.Sum256(body)
		data := append([]byte(serialMagic), serialVersion, byte(numOpcodes))
		data = append(append(data, sum[:]...), body...)
		p, err := Unmarshal(data)
		if err != nil {
			return
		}
		vm, _ := newTestVM(t)
		vm.FullGC = false
		vm.SetBudget(Budget{Instructions: 10000, Bytes: 1 << 20})
		l := vm.Main()
		l.Push(vm.Load(p).Value())
		l.PCall(0, 0)
	})
}

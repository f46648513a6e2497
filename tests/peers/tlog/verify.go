// SPDX-License-Identifier: Apache-2.0

// Checks an audit log with nothing of ours: golang.org/x/mod/sumdb, which checks
// the logs of Go's module proxy. Every tile, every entry, and that the log has
// grown out of each of the checkpoints given, and each of these out of the one
// before it.
//
//	verify DIR VKEY [CHECKPOINT...]
package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

type folder string

func (f folder) Height() int { return height }

// The path of C2SP tlog-tiles: that of x/mod without the height.
func path(t tlog.Tile) string {
	return strings.Replace(t.Path(), "tile/8/", "tile/", 1)
}

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var data [][]byte
	for _, t := range tiles {
		b, err := os.ReadFile(filepath.Join(string(f), path(t)))
		if err != nil {
			return nil, err
		}
		data = append(data, b)
	}
	return data, nil
}

func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}

// Opens a checkpoint. tlog.ParseTree takes those of Go's own database only.
func open(file string, v note.Verifier) (tree tlog.Tree, err error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return tree, err
	}
	n, err := note.Open(b, note.VerifierList(v))
	if err != nil {
		return tree, fmt.Errorf("%s: %w", file, err)
	}
	l := strings.Split(n.Text, "\n")
	if len(l) != 4 || l[0] != v.Name() || l[3] != "" {
		return tree, fmt.Errorf("%s: not three lines of %s", file, v.Name())
	}
	if tree.N, err = strconv.ParseInt(l[1], 10, 64); err != nil {
		return tree, err
	}
	tree.Hash, err = tlog.ParseHash(l[2])
	return tree, err
}

// Every entry, by a proof that goes through every tile above it.
func checkEntries(dir string, tree tlog.Tree, r tlog.HashReader) error {
	for i := int64(0); i < tree.N; {
		w := min(tree.N-i, 1<<height)
		t := tlog.Tile{H: height, L: 0, N: i >> height, W: int(w)}
		b, err := os.ReadFile(filepath.Join(dir,
			strings.Replace(path(t), "tile/0/", "tile/entries/", 1)))
		if err != nil {
			return err
		}
		for end := i + w; i < end; i++ {
			if len(b) < 2 || len(b)-2 < int(binary.BigEndian.Uint16(b)) {
				return fmt.Errorf("entry %d: its bundle ends before it", i)
			}
			n := int(binary.BigEndian.Uint16(b))
			p, err := tlog.ProveRecord(tree.N, i, r)
			if err != nil {
				return err
			}
			err = tlog.CheckRecord(p, tree.N, tree.Hash, i, tlog.RecordHash(b[2:2+n]))
			if err != nil {
				return fmt.Errorf("entry %d: %w", i, err)
			}
			b = b[2+n:]
		}
		if len(b) != 0 {
			return errors.New("a bundle has more than its entries")
		}
	}
	return nil
}

// Each of the trees has grown out of each that is smaller.
func checkGrowth(trees []tlog.Tree, dir string) error {
	sort.Slice(trees, func(a, b int) bool { return trees[a].N < trees[b].N })
	for i, old := range trees {
		for _, now := range trees[i:] {
			if old.N == 0 {
				continue
			}
			r := tlog.TileHashReader(trees[len(trees)-1], folder(dir))
			p, err := tlog.ProveTree(now.N, old.N, r)
			if err != nil {
				return err
			}
			if err = tlog.CheckTree(p, now.N, now.Hash, old.N, old.Hash); err != nil {
				return fmt.Errorf("from %d to %d: %w", old.N, now.N, err)
			}
		}
	}
	return nil
}

func min(a, b int64) int64 {
	if a < b {
		return a
	}
	return b
}

func verify(dir, vkey string, older []string) error {
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	tree, err := open(filepath.Join(dir, "checkpoint"), v)
	if err != nil {
		return err
	}
	trees := []tlog.Tree{tree}
	for _, file := range older {
		old, err := open(file, v)
		if err != nil {
			return err
		}
		trees = append(trees, old)
	}
	if err = checkEntries(dir, tree, tlog.TileHashReader(tree, folder(dir))); err != nil {
		return err
	}
	if err = checkGrowth(trees, dir); err != nil {
		return err
	}
	fmt.Printf("ok %d entries, %d checkpoints\n", tree.N, len(trees))
	return nil
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: verify DIR VKEY [CHECKPOINT...]")
		os.Exit(2)
	}
	if err := verify(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Println("FAIL", err)
		os.Exit(1)
	}
}

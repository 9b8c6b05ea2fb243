// cedar-bench-go: cedar-go as one of the contestants of bench/cedar. Arguments, input and output are those of
// ours.cc, which describes them.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	jsonv2 "github.com/go-json-experiment/json"
)

const groupSize = 20

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "cedar-bench-go:", err)
		os.Exit(1)
	}
}

func read(path string) []byte {
	text, err := os.ReadFile(path)
	check(err)
	return text
}

func readLines(path string) [][]byte {
	return bytes.Split(bytes.TrimSuffix(read(path), []byte("\n")), []byte("\n"))
}

// A request as an application holds it.
type plain struct {
	Principal, Action, Resource struct{ Type, ID string }
	Context                     map[string]any
}

func uid(name struct{ Type, ID string }) cedar.EntityUID {
	return cedar.NewEntityUID(types.EntityType(name.Type), types.String(name.ID))
}

func fromPlain(p *plain) cedar.Request {
	context := make(cedar.RecordMap, len(p.Context))
	for name, value := range p.Context {
		switch value := value.(type) {
		case bool:
			context[types.String(name)] = types.Boolean(value)
		case string:
			context[types.String(name)] = types.String(value)
		case int64:
			context[types.String(name)] = types.Long(value)
		}
	}
	return cedar.Request{
		Principal: uid(p.Principal), Action: uid(p.Action), Resource: uid(p.Resource), Context: cedar.NewRecord(context),
	}
}

func plainFromJSON(text []byte) *plain {
	var p plain
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	check(decoder.Decode(&p))
	for name, value := range p.Context {
		if number, ok := value.(json.Number); ok {
			integer, err := number.Int64()
			check(err)
			p.Context[name] = integer
		}
	}
	return &p
}

func fromJSON(text []byte) cedar.Request {
	var request cedar.Request
	check(jsonv2.Unmarshal(text, &request))
	return request
}

type answer struct {
	decision   cedar.Decision
	diagnostic cedar.Diagnostic
}

type digest uint64

const digestStart digest = 0xcbf29ce484222325

func (d *digest) text(text string) {
	for i := range len(text) {
		*d = (*d ^ digest(text[i])) * 0x100000001b3
	}
}

func (d *digest) add(a answer) {
	d.text(a.decision.String())
	var reasons, failed []string
	for _, reason := range a.diagnostic.Reasons {
		reasons = append(reasons, string(reason.PolicyID))
	}
	for _, failure := range a.diagnostic.Errors {
		failed = append(failed, string(failure.PolicyID))
	}
	slices.Sort(reasons)
	slices.Sort(failed)
	for _, id := range reasons {
		d.text(" " + id)
	}
	for _, id := range failed {
		d.text("! " + id)
	}
	d.text(";")
}

func (d *digest) take() string {
	text := fmt.Sprintf("%016x", uint64(*d))
	*d = digestStart
	return text
}

type options struct {
	modes       []string
	first, last int
	seconds     float64
	repeat      int
}

type measured struct {
	nanoseconds []int64
	allocations uint64
	counted     int
	secondsLeft float64
	digests     []string
}

// What the compiler may not leave out.
var kept answer

func (m *measured) run(repeat, requests int, give func(int) answer) {
	digests := digestStart
	for begin := 0; begin < requests && m.secondsLeft > 0; begin += groupSize {
		end := min(begin+groupSize, requests)
		start := time.Now()
		for i := begin; i < end; i++ {
			digests.add(give(i))
		}
		m.digests = append(m.digests, digests.take())
		if m.counted == 0 {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for i := begin; i < end; i++ {
				kept = give(i)
			}
			runtime.ReadMemStats(&after)
			m.counted = end - begin
			m.allocations = after.Mallocs - before.Mallocs
		}
		for range repeat {
			for i := begin; i < end; i++ {
				before := time.Now()
				kept = give(i)
				m.nanoseconds = append(m.nanoseconds, time.Since(before).Nanoseconds())
			}
		}
		m.secondsLeft -= time.Since(start).Seconds()
	}
}

func sum(values []int64) (total int64) {
	for _, value := range values {
		total += value
	}
	return total
}

// What reading the clock twice adds to every time.
func clockNanoseconds() int64 {
	costs := make([]int64, 10_000)
	for i := range costs {
		costs[i] = time.Since(time.Now()).Nanoseconds()
	}
	return sum(costs) / int64(len(costs))
}

func loadPolicies(text []byte) *cedar.PolicySet {
	policies, err := cedar.NewPolicySetFromBytes("policies.cedar", text)
	check(err)
	return policies
}

func loadEntities(text []byte) cedar.EntityMap {
	var entities cedar.EntityMap
	check(jsonv2.Unmarshal(text, &entities))
	return entities
}

func decide(folder string, o options) {
	policies := loadPolicies(read(folder + "/policies.cedar"))
	hierarchies := readLines(folder + "/entities.jsonl")
	requests := readLines(folder + "/requests.jsonl")
	each := len(requests) / len(hierarchies)
	modes := map[string]*measured{}
	for _, mode := range o.modes {
		modes[mode] = &measured{secondsLeft: o.seconds}
	}
	for i := o.first; i < min(o.last, len(hierarchies)); i++ {
		entities := loadEntities(hierarchies[i])
		texts := requests[i*each : (i+1)*each]
		var plains []*plain
		var ready []cedar.Request
		for _, text := range texts {
			plains = append(plains, plainFromJSON(text))
			ready = append(ready, fromPlain(plains[len(plains)-1]))
		}
		authorize := func(request cedar.Request) answer {
			decision, diagnostic := cedar.Authorize(policies, entities, request)
			return answer{decision, diagnostic}
		}
		for mode, m := range modes {
			switch mode {
			case "decide":
				m.run(o.repeat, each, func(i int) answer { return authorize(ready[i]) })
			case "values":
				m.run(o.repeat, each, func(i int) answer { return authorize(fromPlain(plains[i])) })
			default:
				m.run(o.repeat, each, func(i int) answer { return authorize(fromJSON(texts[i])) })
			}
		}
	}
	report := map[string]any{}
	for mode, m := range modes {
		slices.Sort(m.nanoseconds)
		at := func(part float64) int64 { return m.nanoseconds[int(part*float64(len(m.nanoseconds)-1))] }
		report[mode] = map[string]any{
			"answers":     len(m.nanoseconds),
			"median_ns":   at(0.5),
			"p99_ns":      at(0.99),
			"mean_ns":     float64(sum(m.nanoseconds)) / float64(len(m.nanoseconds)),
			"clock_ns":    clockNanoseconds(),
			"allocations": float64(m.allocations) / float64(m.counted),
			"digests":     m.digests,
		}
	}
	out := bufio.NewWriter(os.Stdout)
	check(json.NewEncoder(out).Encode(report))
	check(out.Flush())
}

// Bytes of the resident set, after what is free was given back.
func residentBytes() int64 {
	debug.FreeOSMemory()
	pages, err := strconv.ParseInt(strings.Fields(string(read("/proc/self/statm")))[1], 10, 64)
	check(err)
	return pages * 4096
}

func load(what, path string) {
	text := read(path)
	before := residentBytes()
	start := time.Now()
	var policies *cedar.PolicySet
	var entities cedar.EntityMap
	if what == "policies" {
		policies = loadPolicies(text)
	} else {
		entities = loadEntities(text)
	}
	seconds := time.Since(start).Seconds()
	grown := residentBytes() - before
	count := len(entities)
	if policies != nil {
		count = len(policies.Map())
	}
	runtime.KeepAlive(text)
	check(json.NewEncoder(os.Stdout).Encode(map[string]any{
		"seconds": seconds, "count": count, "resident_bytes": grown,
	}))
}

func optionsFrom(arguments []string) options {
	o := options{modes: []string{"decide"}, last: int(^uint(0) >> 1), seconds: 3600, repeat: 1}
	for i := 0; i+1 < len(arguments); i += 2 {
		value := arguments[i+1]
		var err error
		switch arguments[i] {
		case "--modes":
			o.modes = strings.Split(value, ",")
		case "--hierarchies":
			_, err = fmt.Sscanf(value, "%d:%d", &o.first, &o.last)
		case "--seconds":
			o.seconds, err = strconv.ParseFloat(value, 64)
		case "--repeat":
			o.repeat, err = strconv.Atoi(value)
		default:
			err = fmt.Errorf("unknown option `%s`", arguments[i])
		}
		check(err)
	}
	return o
}

func main() {
	arguments := os.Args[1:]
	switch {
	case len(arguments) >= 2 && arguments[0] == "decide":
		decide(arguments[1], optionsFrom(arguments[2:]))
	case len(arguments) == 3 && arguments[0] == "load":
		load(arguments[1], arguments[2])
	default:
		check(fmt.Errorf("usage: decide FOLDER [OPTION VALUE]... | load policies|entities FILE"))
	}
}

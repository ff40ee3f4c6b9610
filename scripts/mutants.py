#!/usr/bin/env python3
"""Breaks the code on purpose, a place at a time, and says where no test noticed.

    scripts/mutants.py wire analysis            each place of these rooms (folders of src/)
    scripts/mutants.py --most 200 reassembly    so many places, spread over all of the room
    scripts/mutants.py --since COMMIT           the lines that changed since, in the rooms that read and judge
    scripts/mutants.py --since auto             since the branch that this one goes into, or over the last day
    scripts/mutants.py --from FILE --test laws --skip sweeps verify     what an earlier run left (its survivors.txt), with more tests

All changes are in one build (scripts/mutants writes them into a copy of the source, beside the original, switched by a number in the
environment). The tests run once to find which of them reaches which place; then each place runs with those tests alone. A place that
none reaches is not noticed, either. The library's own tests take part, and those of --test NAME: much of verify and wire is held by
`--test framings` and `--test laws` alone.

An explained survivor is a line of scripts/mutants.txt: file, function, what was, what is there now, why; parted by tabs.
Exit 0, 1 where fewer than --least percent were noticed, 2 usage, 77 where nothing is to be done, 78 where it cannot be built."""
import argparse, collections, concurrent.futures, json, os, pathlib, re, resource, shutil, subprocess, sys, time

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROOMS = ["reassembly", "analysis", "findings", "verify", "wire"]
MISSED, UNREACHED, LATE = "not noticed", "not reached by these tests", "not run for want of time"
EXPLAINED = ROOT / "scripts/mutants.txt"
SWITCH = '''//! Which mutation runs: the one that `IMGNET_MUTANT` names; `IMGNET_MUTANT_COVER` names a file for those that each test reaches.
#![allow(missing_docs, clippy::all, clippy::pedantic)]
use std::io::Write;
use std::sync::{LazyLock, Mutex};

enum Mode {
    None,
    One(u32),
    Cover(Mutex<std::fs::File>),
}

static MODE: LazyLock<Mode> = LazyLock::new(|| {
    if let Some(path) = std::env::var_os("IMGNET_MUTANT_COVER") {
        let file = std::fs::File::options().append(true).create(true).open(path);
        return file.map_or(Mode::None, |file| Mode::Cover(Mutex::new(file)));
    }
    let number = std::env::var("IMGNET_MUTANT").ok().and_then(|number| number.parse().ok());
    number.map_or(Mode::None, Mode::One)
});

thread_local! {
    static SEEN: std::cell::RefCell<std::collections::HashSet<u32>> = Default::default();
}

pub(crate) fn on(number: u32) -> bool {
    match &*MODE {
        Mode::None => false,
        Mode::One(one) => *one == number,
        Mode::Cover(file) => {
            let _ = SEEN.try_with(|seen| {
                if seen.try_borrow_mut().is_ok_and(|mut seen| seen.insert(number)) {
                    let thread = std::thread::current();
                    let line = format!("{number} {}\\n", thread.name().unwrap_or("?"));
                    let _ = file.lock().map(|mut file| file.write_all(line.as_bytes()));
                }
            });
            false
        }
    }
}
'''


def git(*arguments):
    return subprocess.run(["git", *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.strip()


def auto_base():
    """The commit from which a change counts: where this branch left that of origin; on that branch itself, a day before its head."""
    head = git("rev-parse", "HEAD")
    for branch in ("origin/HEAD", "origin/main"):
        base = git("merge-base", branch, "HEAD")
        if base and base != head:
            return base
    newest = int(git("show", "-s", "--format=%ct", "HEAD") or 0)
    return git("rev-list", "-1", f"--before={newest - 24 * 3600}", "HEAD") or git("rev-list", "--max-parents=0", "HEAD").split("\n")[0]


def changed(base):
    """Lines of each file that are not as they were at that commit."""
    lines, file = collections.defaultdict(set), None
    for line in git("diff", "-U0", "--no-color", "--no-ext-diff", base, "--", "src").splitlines():
        if line.startswith("+++ "):
            file = line[6:] if line.startswith("+++ b/") else None
        elif line.startswith("@@") and file:
            first, _, count = re.match(r"@@ \S+ \+(\d+)(,(\d+))? @@", line).groups()
            lines[file].update(range(int(first), int(first) + int(count or 1)))
    return {file: sorted(at) for file, at in lines.items() if at}


def is_test(file):
    return bool(re.search(r"(^|[/_])tests?(/|\.rs$|_)", file[len("src/"):]))


def copy_of_the_tree(tree):
    """Each file that git knows, as it is now; what is the same is left alone, so that it is not built again."""
    files = [name for name in git("ls-files", "-co", "--exclude-standard").split("\n") if (ROOT / name).is_file()]
    shutil.rmtree(tree / "proptest-regressions", ignore_errors=True)
    # As here, so that the crates below are not built otherwise.
    files += [name for name in (".cargo/config.toml", ".cargo/config") if (ROOT / name).is_file()]
    for name in files:
        to, data = tree / name, (ROOT / name).read_bytes()
        if not to.is_file() or to.read_bytes() != data:
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(data)
            shutil.copymode(ROOT / name, to)
    known = set(files)
    for path in (tree / "src").rglob("*"):
        if path.is_file() and str(path.relative_to(tree)) not in known:
            path.unlink()


def weave(weaver, tree, wanted, source):
    (tree / "src/mutant.rs").write_text(SWITCH)
    library = (source / "src/lib.rs").read_text()
    (tree / "src/lib.rs").write_text(library + "\n#[allow(dead_code)]\nmod mutant;\n")
    done = subprocess.run([weaver, source, tree], input=json.dumps(wanted), stdout=subprocess.PIPE, text=True, check=True)
    mutations = [json.loads(line) for line in done.stdout.splitlines()]
    for one in mutations:
        one["now"] = " ".join(one["now"].split())
    return mutations


def forget(target):
    """Cargo takes what was built of the copy for what is built of the source itself, and would not build that anew: it forgets it."""
    for known in target.glob("*/.fingerprint/imgnet-*/dep-*"):
        if b"mutants/tree" in known.read_bytes():
            shutil.rmtree(known.parent, ignore_errors=True)


def compiled(tree, target, suites, mutations):
    """The test programs, or the numbers of those mutations that do not compile."""
    env = dict(os.environ, CARGO_PROFILE_DEV_OPT_LEVEL="0", CARGO_PROFILE_DEV_DEBUG="0", CARGO_TARGET_DIR=str(target),
               CARGO_TERM_COLOR="never", CARGO_INCREMENTAL="0")
    command = ["cargo", "test", "--locked", "--no-run", "--features", "archive", "--lib", "--message-format=json", "--quiet"]
    for suite in suites:
        command += ["--test", suite]
    try:
        done = subprocess.run(command, cwd=tree, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    finally:
        forget(target)
    programs, wrong, told = {}, set(), []
    by_file = collections.defaultdict(list)
    for one in mutations:
        by_file[one["file"]].append(one)
    for line in done.stdout.splitlines():
        message = json.loads(line)
        if message["reason"] == "compiler-artifact" and message.get("executable") and message["profile"]["test"]:
            programs[message["target"]["name"]] = message["executable"]
        if message["reason"] == "compiler-message" and message["message"]["level"] == "error":
            told.append(message["message"]["rendered"])
            for span in message["message"]["spans"]:
                for one in by_file[span["file_name"]]:
                    if one["place"][0] <= span["byte_start"] and span["byte_end"] <= one["place"][1]:
                        wrong.add(one["number"])
    if done.returncode and not wrong:
        print("the woven source does not compile:\n" + "\n".join(told or [done.stderr])[-5000:])
        sys.exit(78)
    return programs, wrong if done.returncode else set()


def limits():
    # A mutation may take memory without end.
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(program, tests, tree, seconds, skip=(), **environment):
    """The exit code; None where it did not end in time."""
    env = dict(os.environ, PROPTEST_CASES="48", INSTA_UPDATE="no", INSTA_FORCE_PASS="0", RUST_BACKTRACE="0",
               CARGO_MANIFEST_DIR=str(tree), **environment)
    try:
        return subprocess.run([program, "--test-threads", "2", *(["--exact", *tests] if tests else []),
                               *(part for name in skip for part in ("--skip", name))], cwd=tree, env=env,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                              timeout=seconds, preexec_fn=limits)
    except subprocess.TimeoutExpired:
        return None


def covered(programs, tree, scratch, seconds, skip):
    """Which tests of which program reach a mutation; which tests there are that pass."""
    reached, sound, took = collections.defaultdict(set), {}, {}
    for name, program in programs.items():
        file = scratch / f"cover-{name}"
        file.unlink(missing_ok=True)
        begun = time.monotonic()
        done = run(program, [], tree, seconds, skip, IMGNET_MUTANT_COVER=str(file))
        took[name] = time.monotonic() - begun
        if done is None:
            print(f"{name}: its tests did not end within {seconds:.0f} s, so they take no part")
            continue
        sound[name] = set(re.findall(r"^test (\S+)(?: - should panic)? \.\.\. ok$", done.stdout, re.M))
        if not file.exists():
            continue
        for line in file.read_text().splitlines():
            number, _, thread = line.partition(" ")
            reached[int(number)].add((name, thread if thread in sound[name] else None))
    return reached, sound, took


def module_of(file):
    return "::".join(re.sub(r"(/mod)?\.rs$", "", file[len("src/"):]).split("/"))


def noticed(one, reached, reach, programs, sound, took, tree, until):
    """How a mutation was noticed, or that there is no time left to say; None where it was not."""
    by = reached.get(one["number"], set())
    if not by:
        return None
    near = module_of(one["file"])
    for name in sorted({name for name, _ in by}, key=lambda name: name != "imgnet"):
        tests = sorted(test for program, test in by if program == name and test)
        # A thread of the test's own: which test's is not known.
        if any(test is None for program, test in by if program == name):
            room = near.split("::")[0] + "::"
            tests = sorted({*tests, *(test for test in sound[name] if test.startswith(room))}) or sorted(sound[name])
        # Those beside the code first, then those that reach little else: they are quick, and most likely to notice.
        tests.sort(key=lambda test: (not test.startswith(near), reach[name, test], test))
        at, size = 0, 8
        while at < len(tests):
            part = tests[at:at + size]
            # Many times what they take, if all took the same; a mutation that goes on for ever is not waited for.
            seconds = 20 + 10 * took[name] * len(part) / max(len(sound[name]), 1)
            left = until - time.monotonic()
            done = run(programs[name], part, tree, min(seconds, left), IMGNET_MUTANT=str(one["number"])) if left > 0 else None
            if done is None:
                return "did not end" if left > seconds else LATE
            if done.returncode != 0:
                return "noticed"
            at, size = at + size, min(size * 3, 200)
    return None


def key(one):
    return one["file"], one["function"], one["was"], one["now"]


def listed(path):
    """The places of a list: file, function, what was, what is there now."""
    return {tuple(line.split("\t")[:4]) for line in path.read_text().splitlines() if line and not line.startswith("#")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rooms", nargs="*", help="folders of src/; those that read and judge if none is named")
    parser.add_argument("--since", metavar="COMMIT", help="only lines that changed since; `auto` finds the commit")
    parser.add_argument("--most", type=int, metavar="N", help="so many places at most, spread over all")
    parser.add_argument("--seconds", type=float, default=1e9, help="end after so long, with what is known by then")
    parser.add_argument("--test", action="append", default=[], metavar="NAME", help="tests of tests/NAME take part (slower)")
    parser.add_argument("--from", dest="left", type=pathlib.Path, metavar="FILE", help="only places that this survivors.txt has")
    parser.add_argument("--skip", action="append", default=[], metavar="NAME", help="tests with this in their name take no part")
    parser.add_argument("--least", type=float, default=0, metavar="PERCENT", help="exit 1 where fewer were noticed")
    given = parser.parse_args()
    begun = time.monotonic()
    rooms = given.rooms or ROOMS
    wanted = {"leave": []}
    if given.since:
        base = auto_base() if given.since == "auto" else given.since
        wanted["lines"] = changed(base)
        print(f"since {git('show', '-s', '--format=%h %s', base)}")
    files = [name for name in git("ls-files", "src").split("\n") if any(
        name == f"src/{room}.rs" or name.startswith(f"src/{room}/") for room in rooms) and not is_test(name) and (ROOT / name).exists()]
    wanted["files"] = [name for name in files if name in wanted.get("lines", files)]
    if given.most:
        wanted["most"] = given.most
    if not wanted["files"]:
        print(f"skipped: nothing changed in {', '.join(rooms)}" if given.since else f"there are no such rooms: {', '.join(rooms)}")
        return 77 if given.since else 2

    metadata = subprocess.run(["cargo", "metadata", "--no-deps", "--format-version=1", "--locked"], cwd=ROOT,
                              stdout=subprocess.PIPE, check=True, text=True).stdout
    target = pathlib.Path(json.loads(metadata)["target_directory"])
    scratch, tree = target / "mutants", target / "mutants/tree"
    tree.mkdir(parents=True, exist_ok=True)
    built = subprocess.run(["cargo", "build", "--locked", "--quiet", "-p", "imgnet-mutants", "--message-format=json"], cwd=ROOT,
                           stdout=subprocess.PIPE, check=True, text=True).stdout
    weaver = next(path for path in (json.loads(line).get("executable") for line in built.splitlines()) if path)
    copy_of_the_tree(tree)
    # As it was now, whatever is edited meanwhile.
    source = scratch / "source"
    for name in [*wanted["files"], "src/lib.rs"]:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(tree / name, source / name)
    mutations = weave(weaver, tree, wanted, source)
    if not mutations:
        print("skipped: nothing that changed is an operator, a condition or a function with a plain value")
        return 77
    unviable = 0
    for _ in range(12):
        programs, wrong = compiled(tree, target, given.test, mutations)
        if not wrong:
            break
        unviable += len(wrong)
        wanted["leave"] += sorted(wrong)
        mutations = weave(weaver, tree, wanted, source)
    else:
        print("the woven source still does not compile after twelve rounds")
        return 78
    print(f"{len(mutations)} places of {mutations[0]['of'] if mutations else 0} woven in, {unviable} do not compile; "
          f"built after {time.monotonic() - begun:.0f} s", flush=True)
    reached, sound, took = covered(programs, tree, scratch, min(900, max(10, begun + given.seconds - time.monotonic())), given.skip)
    for name, tests in sound.items():
        print(f"{name}: {len(tests)} tests in {took[name]:.0f} s", flush=True)

    explained = listed(EXPLAINED) if EXPLAINED.exists() else set()
    if given.left:
        left = listed(given.left)
        mutations = [one for one in mutations if key(one) in left]
    # How many places each test reaches.
    reach = collections.Counter(one for by in reached.values() for one in by)
    counts, survivors = collections.Counter(), []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        def one_place(one):
            return noticed(one, reached, reach, programs, sound, took, tree, begun + given.seconds) or (
                MISSED if one["number"] in reached else UNREACHED)
        # Not in the order of the files: what there is time for is spread over all of them.
        mutations.sort(key=lambda one: one["number"] * 2_654_435_761 % 2**32)
        for one, how in zip(mutations, pool.map(one_place, mutations)):
            if how in (MISSED, UNREACHED) and key(one) in explained:
                how = "explained"
            counts[how] += 1
            if how in (MISSED, UNREACHED):
                survivors.append((one, how))
    survivors.sort(key=lambda survivor: survivor[0]["number"])
    for one, how in survivors:
        print(f"  {how}: {one['file']}:{one['line']} {one['function']}: {one['was'][:90]} → {one['now'][:90]}")
    (scratch / "survivors.txt").write_text("".join(
        f"{one['file']}\t{one['function']}\t{one['was']}\t{one['now']}\t{how}, line {one['line']}\n" for one, how in survivors))
    seen = counts["noticed"] + counts["did not end"] + counts["explained"]
    of = seen + len(survivors)
    score = 100 * seen / of if of else 100.0
    print(", ".join(f"{count} {how}" for how, count in counts.most_common()))
    print(f"{seen} of {of} noticed: {score:.0f} %, in {time.monotonic() - begun:.0f} s; survivors in {scratch / 'survivors.txt'}")
    return 1 if score < given.least else 0


if __name__ == "__main__":
    sys.exit(main())

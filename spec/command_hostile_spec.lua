-- SPDX-License-Identifier: MIT
--
-- What nobody should give the command, and what may happen to it: a clear error
-- and the right exit status, never a traceback, and nothing lost.
local cjson = require "cjson"
local command = require "support.command"
local process = require "support.process"

local quote = process.quote

local function describe_command(topic, body)
  describe("balance, given " .. topic .. ", #fast", function()
    setup(command.setup)
    teardown(command.teardown)
    before_each(command.new_home)
    body()
  end)
end

-- Asserts one of some exit statuses, and a message of one or two lines.
local function fails(expected, arguments, setting, rest)
  local output, errors, status = command.run(arguments, setting, rest)
  local shown = ("%s %s\n%s%s"):format(setting or "", arguments, output,
    errors)
  assert.is_nil((output .. errors):find "traceback", shown)
  assert.is_nil(errors:find "%.lua:%d", shown)
  assert.equal(expected, status, shown)
  for line in errors:gmatch "[^\n]*\n" do
    assert.matches("^balance: ", line)
    assert.is_nil(line:find "[%z\1-\8\11-\31\127]", shown)
  end
  return output, errors
end

local long = ("x"):rep(100000)

describe_command("hostile arguments", function()
  it("ends with 64, and asks nobody", function()
    local nowhere = "UDIO_ENDPOINT=http://127.0.0.1:1"
    for _, word in ipairs { "''", "' '", "-", "---", "-x", "--json=1",
      "--json --plain", "--color sometimes", "--color", "--timeout ''",
      "--timeout 1e9", "--timeout -1", "--timeout nan", "--timeout 0x1",
      "--timeout '1 '", "--max-age x", "--max-age 99999999", "\"$(printf"
        .. " '\\377\\376')\"", "\"$(printf '\\033[2J')\"", "'$(id)'", "'a\nb'",
      long, "--state", "--accounts ''", "../../etc/passwd", "%s%n", "%d",
      "get get", "udio udio2", "--accounts /dev/null", "--accounts /dev/zero",
      "--accounts /", "--api-key-stdin", "--api-key x", "--nonsense=" .. long,
    } do
      local output, errors = fails(64, "get " .. word, nowhere)
      assert.equal("", output)
      assert.is_true(#errors < 2000, #errors)
    end
    for _, words in ipairs { "gte", "''", "Get", "get-", long, "'a\nb'",
      "history --csv --json", "page -o", "completion ''", "sign --nope" } do
      fails(64, words, nowhere)
    end
  end)

  it("takes what only looks hostile", function()
    for _, words in ipairs { "-- udio", "udio udio", "--color=never udio",
      "--timeout=5 udio", "--max-age 0 udio", "--state=none udio" } do
      fails(0, "get " .. words)
    end
    fails(0, "--plain")
  end)
end)

describe_command("a hostile environment", function()
  it("goes on without a home directory, and says what that costs", function()
    for setting, said in pairs {
      ["env -u HOME"] = "nothing is remembered: HOME is not set",
      ["HOME="] = "nothing is remembered: HOME is not set",
      ["HOME=/proc"] = "nothing is remembered: mkdir: ",
      ["HOME=/dev/null"] = "nothing is remembered: mkdir: ",
      ["BALANCE_STATE=/"] = "/: it cannot be opened: not a file",
      ["BALANCE_STATE=/dev/zero"] =
        "/dev/zero: it cannot be opened: not a file",
      ["BALANCE_STATE=/nowhere/\"'\"/x"] = "/nowhere/'/x",
      ["BALANCE_STATE=\"$(printf 'a\\nb')\""] = "has a control character",
      ["BALANCE_STATE=/" .. ("x"):rep(5000)] = "/xxxxx",
      ["BALANCE_STATE=:memory:"] = "keeps no file",
    } do
      local output, errors = fails(0, "get udio --plain", setting)
      assert.matches("^udio\tudio\t195\t", output)
      assert.is_not_nil(errors:find(said, 1, true), setting .. "\n" .. errors)
      fails(2, "history udio", setting)
    end
    -- a relative path counts as none
    fails(0, "get udio", "XDG_STATE_HOME=../x XDG_CONFIG_HOME=x")
    assert.is_not_nil(process.read(command.home
      .. "/.local/state/balance/state.sqlite"))
  end)

  it("does not trip over what others set", function()
    for _, setting in ipairs { "COLUMNS=-1", "COLUMNS=99999999999999999999",
      "COLUMNS=1.5", "LC_ALL=de_DE.UTF-8", "LC_ALL=nonsense", "TERM=",
      "TZ=nonsense", "LANGUAGE=xx", "PATH=/usr/bin:/bin", "NO_COLOR=" } do
      fails(0, "get udio", setting)
    end
    for _, key in ipairs { "''", "' '", "\"$(printf '\\033[2J')\"",
      "\"$(printf 'a\\nb')\"" } do
      fails(2, "get udio", "UDIO_API_KEY=" .. key)
      fails(2, "doctor udio --offline", "UDIO_API_KEY=" .. key)
    end
    fails(2, "get udio", "UDIO_API_KEY=" .. ("x"):rep(20000))
  end)

  it("prints amounts with a point in every locale", function()
    local output = fails(0, "get tempolor --plain", "LC_ALL=de_DE.UTF-8")
    assert.matches("\t776.56\tcredits\t", output)
    fails(0, "check tempolor --min 776.5", "LC_ALL=de_DE.UTF-8")
    fails(1, "check tempolor --min 776.57", "LC_ALL=de_DE.UTF-8")
  end)
end)

describe_command("a hostile state file", function()
  local function state()
    return command.home .. "/.local/state/balance/state.sqlite"
  end

  it("says what is wrong, and leaves it as it is", function()
    fails(0, "get udio")
    local sound = process.read(state())
    local foreign = command.home .. "/foreign"
    local connection = require("luasql.sqlite3").sqlite3():connect(foreign)
    connection:execute "CREATE TABLE things (name)"
    connection:close()
    for name, content in pairs {
      text = ("hello "):rep(1000), short = "x", cut = sound:sub(1, 5000),
      zeros = ("\0"):rep(4096), foreign = process.read(foreign),
      flipped = sound:sub(1, 4096) .. ("\255"):rep(#sound - 4096),
    } do
      process.write(state(), content)
      local output, errors = fails(0, "get udio --plain")
      assert.matches("^udio\tudio\t195\t", output)
      assert.is_not_nil(errors:find("state.sqlite: ", 1, true), name .. errors)
      fails(2, "history udio")
      local report = cjson.decode((command.expect(2,
        "doctor udio --offline --json")))
      assert.equal(1, report.wrong, name)
      assert.equal(content, process.read(state()), name)
    end
  end)

  it("keeps what is not a state where one should be", function()
    fails(0, "get udio")
    local store = require("balance").store.sqlite(state())
    for _, text in ipairs { "", "x", "balance 1\n", ("x"):rep(100000),
      "{}", "\0\255" } do
      assert(store:set("balance:monitor:state:udio", text))
      local output, errors = fails(0, "get udio --plain")
      assert.matches("^udio\tudio\t195\t", output)
      assert.matches("is no state, or a newer version's; it stays as it is",
        errors)
      assert.equal(text, store:get "balance:monitor:state:udio")
      fails(2, "history udio")
    end
    store:close()
  end)

  it("loses nothing of fifty at once", function()
    local count = command.is_plain and 50 or 8 -- sanitizers take long
    local nowhere = "UDIO_ENDPOINT=http://127.0.0.1:1"
    local line = command.line("get udio --plain --timeout 5", nowhere)
    process.write(command.home .. "/one.sh", line .. "\necho $? >>"
      .. command.home .. "/statuses\n")
    local output = process.run(("seq %d | xargs -P %d -I @ sh %s/one.sh")
      :format(count, count, command.home))
    assert.equal(("2\n"):rep(count),
      process.read(command.home .. "/statuses"))
    assert.is_nil(output:find "balance:", output)
    local document = cjson.decode((command.expect(0, "history udio --json")))
    assert.equal(count, document.accounts.udio.failures.connect)
  end)
end)

describe_command("a system that fails", function()
  it("says that its output cannot be written", function()
    for _, arguments in ipairs { "get udio", "--help", "providers",
      "history udio", "doctor udio --offline", "manual" } do
      fails(0, "get udio")
      local _, errors = fails(2, arguments, "", ">/dev/full")
      assert.equal("balance: standard output: No space left on device\n",
        errors)
    end
    for _, closed in ipairs { ">&-", "<&- >&-" } do
      local _, errors = fails(2, "get udio", "", closed)
      assert.matches("^balance: standard output: ", errors)
    end
    fails(2, "get udio", "", "<&- >&- 2>&-")
  end)

  it("lives without standard input and standard error", function()
    fails(0, "get udio", "", "<&-")
    fails(2, "get udio", "UDIO_API_KEY=wrong", "2>&-")
    fails(64, "get nobody", "", "2>&-")
  end)

  it("ends quietly where nobody reads on", function()
    for _, arguments in ipairs { "get", "--help", "manual",
      "completion bash" } do
      local output, errors = fails(0, arguments, "", "| head -n 1")
      assert.matches("^[^\n]+\n$", output)
      assert.equal("", errors)
    end
    -- SIGPIPE may be ignored, as by Python
    process.write(command.home .. "/ignored.sh", ("trap '' PIPE\n"
      .. "{ %s; echo $? >&2; } | true\n"):format(
        command.line "get udio"))
    local output = process.run("sh " .. command.home .. "/ignored.sh")
    assert.matches("^balance: standard output: Broken pipe\n2\n$", output)
  end)

  -- A FIFO stands for a device, which a command that is wrong would replace.
  it("writes to a FIFO as to a FIFO", function()
    local fifo = command.home .. "/fifo"
    process.run("mkfifo " .. fifo)
    for _, arguments in ipairs { "page udio -o ",
      "prometheus udio --textfile " } do
      local output = process.run(("timeout 20 cat %s & %s; wait"):format(fifo,
        command.line(arguments .. fifo)))
      assert.matches("udio", output)
      assert.equal("fifo\n", (process.run("stat -c %F " .. fifo)))
    end
    fails(64, "page udio -o ''")
    -- a private file stays one
    local path = command.write("page.html", "old")
    fails(0, "page udio -o " .. path, "", "; stat -c %a " .. path)
    assert.equal("600\n", (process.run("stat -c %a " .. path)))
  end)

  it("remembers nothing on a full disk, and keeps what it has", function()
    fails(0, "get udio")
    process.write(command.home .. "/full.sh",
      ("trap '' XFSZ\nulimit -f 0\n%s\n"):format(
        command.line "get udio tempolor --plain"))
    local output, status = process.run("sh " .. command.home .. "/full.sh")
    assert.equal(0, status, output)
    assert.matches("udio\tudio\t195\t", output)
    assert.matches("balance: the store: .*state.sqlite: ", output)
    assert.matches("^udio: 195 credits", (fails(0, "history udio")))
    assert.matches("^balance: .*File too large\n$", (process.run(
      ("trap '' XFSZ; ulimit -f 0; %s"):format(command.line(
        "prometheus udio --state none --textfile "
          .. quote(command.home .. "/x.prom"))))))
  end)

  it("says that the driver or argparse is missing", function()
    local path = command.home .. "/hidden"
    process.run("mkdir -p " .. path .. "/luasql")
    for _, name in ipairs { "argparse", "luasql/sqlite3" } do
      process.write(("%s/%s.lua"):format(path, name), 'error("none", 0)')
    end
    local hide = ("LUA_INIT='package.path = \"%s/?.lua;\" .. package.path'")
      :format(path)
    local _, errors = fails(64, "get udio --plain", hide)
    assert.matches("^balance: the command needs argparse, [^\n]*: none\n"
      .. "balance: install lua%-argparse %(Debian%), or argparse", errors)
    process.run("rm " .. path .. "/argparse.lua")
    local output
    output, errors = fails(0, "get udio --plain", hide)
    assert.is_nil(output:find "balance:")
    assert.matches("^udio\tudio\t195", output)
    assert.matches("LuaSQL's driver for SQLite is missing %(Debian:"
      .. " lua%-sql%-sqlite3", errors)
  end)
end)

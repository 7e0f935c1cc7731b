-- SPDX-License-Identifier: MIT
local balance = require "balance"
local process = require "support.process"
local stores = require "support.stores"

describe("balance.store.sqlite", function()
  local dir, path, now

  before_each(function()
    dir = process.run("mktemp -d"):gsub("%s+$", "")
    path, now = dir .. "/state.db", 1795000000
  end)

  after_each(function()
    process.run(("chmod -R u+rwx %s; rm -r %s"):format(dir, dir))
  end)

  local function open(other)
    return balance.store.sqlite(other or path,
      { now = function() return now end })
  end

  local function sql(statement, other)
    return (process.run_lua(([[
      local c = require("luasql.sqlite3").sqlite3():connect(arg[1])
      local r = assert(c:execute(arg[2]))
      if type(r) ~= "number" then
        io.write(tostring((r:fetch())))
        r:close()
      end
      c:close()
    ]]), nil, other or path, statement))
  end

  local function mode_of(name)
    return (process.run("stat -c %a " .. name):gsub("%s+$", ""))
  end

  -- What a file says, and that it is the same afterwards.
  local function refuses(file, words)
    local before = process.read(file)
    local store = open(file)
    for _, method in ipairs { "get", "set", "add", "delete" } do
      local value, err = store[method](store, "key", "value", 60)
      assert.is_nil(value)
      assert.matches(words, err)
      assert.matches(file, err, 1, true)
    end
    store:close()
    assert.equal(before, process.read(file))
  end

  -- Runs with a driver that calls `hook(sql)` before each statement; where that
  -- returns a message, the statement fails with it.
  local function with_driver(hook, run)
    local name = "luasql.sqlite3"
    local driver = require(name)
    package.loaded[name] = { sqlite3 = function()
      local environment = driver.sqlite3()
      return {
        close = function() return environment:close() end,
        connect = function(_, ...)
          local connection = assert(environment:connect(...))
          return {
            close = function() return connection:close() end,
            execute = function(_, sql_text)
              local message = hook(sql_text)
              if message then
                return nil, message
              end
              return connection:execute(sql_text)
            end,
          }
        end,
      }
    end }
    local ok, err = pcall(run)
    package.loaded[name] = driver
    assert(ok, err)
  end

  stores.is_a_store(function() return open() end,
    function(seconds) now = now + seconds end)

  it("keeps what was set, also for another process", function()
    local store = open()
    store:set("key", "a\0b\255'")
    store:close()
    store:close()
    assert.equal("a\0b\255'", open():get "key")
    assert.equal("6100 62FF27", (sql "SELECT hex(value) FROM entries")
      :gsub("^6100", "6100 "))
  end)

  it("raises a mistake in its arguments", function()
    for message, arguments in pairs {
      ["a path must be a string, and not empty"] = { 5 },
      ["unknown option 'nwo'; did you mean 'now'?"] = { "x", { nwo = 1 } },
    } do
      local ok, err = pcall(function()
        local store = balance.store.sqlite(arguments[1], arguments[2])
        return store
      end)
      assert.is_false(ok)
      assert.matches("sqlite_spec.lua:%d+: balance.store.sqlite: ", err)
      assert.matches(message, err, 1, true)
    end
    assert.has_error(function() return (balance.store.sqlite "") end)
    assert.has_error(function() return (balance.store.sqlite "a\0b") end)
  end)

  it("is its owner's alone, whatever the umask", function()
    local output, status = process.run_lua([[
      local store = require("balance").store.sqlite(arg[1])
      assert(store:set("key", "value"))
    ]], "umask 0;", path)
    assert.equal(0, status, output)
    assert.equal("600", mode_of(path))
    -- and so are SQLite's, which are there while it is open
    output = process.run_lua([[
      local store = require("balance").store.sqlite(arg[1])
      assert(store:set("key", "value"))
      os.execute("stat -c %a " .. arg[1] .. "-wal " .. arg[1] .. "-shm")
    ]], "umask 0;", path)
    assert.equal("600\n600\n", output)
  end)

  it("makes its file by a function that takes a path alone", function()
    local core = require "balance.core"
    assert.is_true(core.create_file(path))
    assert.equal("600", mode_of(path))
    assert.is_false(core.create_file(path))
    local made, err = core.create_file(dir .. "/none/x")
    assert.is_nil(made)
    assert.matches("/none/x: No such file", err)
    for _, wrong in ipairs { 5, true, {}, path .. "\0x" } do
      assert.is_false((pcall(core.create_file, wrong)))
    end
    assert.is_false((pcall(core.create_file)))
  end)

  it("leaves a file that is damaged, foreign or newer as it is", function()
    process.write(path, ("no database "):rep(200))
    refuses(path, "file is not a database")
    process.write(path, "x")
    refuses(path, "file is not a database")

    local foreign = dir .. "/foreign.db"
    sql("CREATE TABLE things (name)", foreign)
    refuses(foreign, "it is another program's")

    local newer = dir .. "/newer.db"
    local store = open(newer)
    assert(store:set("key", "value"))
    store:close() -- later, it would write what is in its log
    sql("PRAGMA user_version = 2", newer)
    refuses(newer, "it is of a newer version")

    local damaged = dir .. "/damaged.db"
    store = open(damaged)
    for i = 1, 200 do
      assert(store:set("key" .. i, ("x"):rep(200)))
    end
    store:close()
    local bytes = process.read(damaged)
    process.write(damaged, bytes:sub(1, 8192) .. ("\170"):rep(8192)
      .. bytes:sub(16385))
    refuses(damaged, "damaged.db: ")
    process.write(damaged, bytes:sub(1, 5000))
    refuses(damaged, "damaged.db: ")
  end)

  it("leaves a file of one byte as it is, also with a journal", function()
    process.write(path .. "-journal", "")
    for size = 1, 3 do
      process.write(path, ("x"):rep(size))
      refuses(path, "file is not a database")
    end
  end)

  it("waits for no writer of a FIFO", function()
    process.run("mkfifo " .. path)
    local output, status = process.run_lua([[
      print(require("balance").store.sqlite(arg[1]):get "key")
    ]], "timeout 20", path)
    assert.equal(0, status)
    assert.equal(("nil\t%s: it cannot be opened: not a file\n"):format(path),
      output)
  end)

  it("says that it would keep nothing under a name of the driver's", function()
    for _, name in ipairs { "/:memory:", "/a:memory:b" } do
      local store = open(dir .. name)
      local done, err = store:set("key", "value")
      assert.is_nil(done)
      assert.matches("keeps no file of a name with ':memory:'", err, 1, true)
      assert.is_nil(process.read(dir .. name))
    end
  end)

  it("opens a file that somebody else makes at any moment", function()
    for moment = 1, 4 do
      local file, count, begun, theirs = dir .. "/" .. moment, 0
      local store = open(file)
      with_driver(function(statement)
        count = count + 1
        begun = begun or statement:find "^BEGIN" and count < moment
        if count == moment and not begun then
          theirs = true
          sql("CREATE TABLE entries (key BLOB PRIMARY KEY, value BLOB"
            .. " NOT NULL, expires REAL, lifetime REAL) WITHOUT ROWID", file)
          sql("PRAGMA user_version = 1", file)
          sql("PRAGMA application_id = 1650551905", file)
          sql("INSERT INTO entries VALUES (x'6b', x'76', NULL, NULL)", file)
        end
      end, function()
        local value, err = store:get "k"
        assert.is_nil(err)
        assert.equal(theirs and "v", value)
      end)
      store:close()
    end
  end)

  it("says what failed while it looked at the file", function()
    assert(open():set("key", "value"))
    local moment, failed = 0
    repeat
      moment, failed = moment + 1, nil
      local store, count = open(), 0
      with_driver(function()
        count = count + 1
        if count == moment then
          failed = true
          return "LuaSQL: disk I/O error"
        end
      end, function()
        local value, err = store:get "key"
        local is_needed = failed and moment ~= 5 -- the journal's mode is not
        assert.equal(not is_needed and "value" or nil, value)
        assert.equal(is_needed and path .. ": disk I/O error" or nil, err)
      end)
      store:close()
      assert.equal("value", store:get "key")
      store:close()
    until not failed
    assert.equal(8, moment)
  end)

  it("tries again where others have the file", function()
    local tries = 0
    with_driver(function()
      tries = tries + 1
      return tries < 10 and "LuaSQL: database is locked" or nil
    end, function()
      local store = open()
      assert.is_true(store:set("key", "value"))
      assert.equal("value", store:get "key")
      store:close()
    end)
    assert.is_true(tries > 10)
  end)

  it("says its path first, whatever the message names", function()
    with_driver(function()
      return "LuaSQL: no room beside " .. path
    end, function()
      local _, err = open():get "key"
      assert.equal(path .. ": no room beside " .. path, err)
    end)
  end)

  it("goes on in a new file where its own was removed", function()
    local store = open()
    assert(store:set("key", "old"))
    os.remove(path)
    assert.is_nil(store:get "key")
    os.remove(path)
    assert.is_true(store:set("key", "new"))
    assert.equal("new", open():get "key")
  end)

  -- A process that closes a file loses all its locks on it. While the file was
  -- looked at by opening it, another process took itself for the last one, and
  -- removed the log in which the first one went on to write.
  it("keeps its locks where the same process opens it twice", function()
    local store, other = open(), open()
    assert(store:set("key", "old"))
    assert.equal("old", other:get "key")
    local get = [[
      io.write(require("balance").store.sqlite(arg[1]):get "key")
    ]]
    assert.equal("old", (process.run_lua(get, nil, path)))
    assert(store:set("key", "new"))
    assert.equal("new", (process.run_lua(get, nil, path)))
    store:close()
    other:close()
  end)

  it("can be closed where Ctrl-C came within a query", function()
    local store = open()
    assert(store:set("key", "value"))
    with_driver(function()
      return nil, true
    end, function()
      local interrupted = open()
      assert.equal("value", interrupted:get "key")
      local connection = interrupted.connection
      local execute = connection.execute
      function connection.execute(...)
        execute(...) -- whose cursor nobody closes
        error("interrupted!", 0)
      end
      assert.has_error(function() interrupted:get "key" end, "interrupted!")
      interrupted:close()
    end)
    assert.equal("value", store:get "key")
    store:close()
  end)

  it("goes on in the file that took its place", function()
    local store, other = open(), open(path .. ".other")
    assert(store:set("key", "old"))
    assert(other:set("key", "new"))
    other:close()
    os.rename(path .. ".other", path)
    assert.equal("new", store:get "key")
    assert.is_true(store:set("more", "1"))
    store:close()
    assert.equal("1", open():get "more")
  end)

  it("changes all or nothing in a transaction", function()
    local store, other = open(), open()
    assert.is_true(store:atomically(function()
      assert(store:set("a", "1"))
      assert.is_nil(other:get "a")
      assert.equal("1", store:get "a")
      assert.is_true(store:delete "a")
      assert.is_true(store:add("b", "2"))
    end))
    assert.equal("2", other:get "b")
    assert.has_error(function()
      store:atomically(function()
        assert(store:set("b", "3"))
        error("mine", 0)
      end)
    end, "mine")
    assert.equal("2", other:get "b")
    assert.has_error(function()
      store:atomically(function()
        store:atomically(function() end)
      end)
    end)
    assert.equal("2", store:get "b")
    store:close()
    other:close()
  end)

  it("returns why a transaction failed, and whether it began", function()
    local store = open()
    assert(store:set("a", "1"))
    local hook
    with_driver(function(statement)
      return statement:find(hook) and "LuaSQL: disk I/O error" or nil
    end, function()
      for begun, text in pairs { [false] = "BEGIN", [true] = "INSERT" } do
        hook = text
        local failing = open()
        local ok, err, called = failing:atomically(function()
          failing:set("a", "2")
        end)
        assert.is_nil(ok)
        assert.equal(path .. ": disk I/O error", err)
        assert.equal(begun, called)
        failing:close()
      end
    end)
    assert.equal("1", store:get "a")
    store:close()
  end)

  it("returns why it cannot be there", function()
    for _, other in ipairs { dir, dir .. "/none/state.db", "/proc/x" } do
      local value, err = open(other):get "key"
      assert.is_nil(value)
      assert.matches(other, err, 1, true)
    end
  end)

  it("returns that it cannot be written, and keeps what it has", function()
    assert(open():set("key", "value"))
    -- root may write anywhere; so the disk is full: a file may not grow
    local output, status = process.run_lua([[
      local store = require("balance").store.sqlite(arg[1])
      print(store:set("key", ("x"):rep(100000)))
      print(store:get "key")
    ]], "trap '' XFSZ; ulimit -f 8;", path)
    assert.equal(0, status, output)
    assert.matches("^nil\t" .. path:gsub("%p", "%%%0") .. ": .-\nvalue\n$",
      output)
    assert.equal("value", open():get "key")
  end)

  it("says that the driver is missing", function()
    local output = process.run_lua([[
      local store = require("balance").store.sqlite(arg[1])
      package.preload["luasql.sqlite3"] = function() error "none" end
      print(store:get "key")
    ]], nil, path)
    assert.matches("^nil\t.*lua%-sql%-sqlite3, LuaRocks: luasql%-sqlite3%)",
      output)
  end)

  it("removes what has expired", function()
    local store = open()
    for i = 1, 300 do
      assert(store:set("key" .. i, ("x"):rep(500), 1))
      now = now + 2
    end
    store:set("last", "x")
    local left = tonumber(sql "SELECT count(*) FROM entries")
    assert.is_true(left <= 101, left)
    assert.is_true(#process.read(path) < 100 * 1024)
  end)

  it("lets go of a lock where the clock was set back, and of nothing else",
    function()
      local store = open()
      store:add("lock", "x", 300)
      store:set("state", "x", 100 * 86400)
      store:set("for ever", "x")
      now = now - 250
      assert.is_false((store:add("lock", "y", 300)))
      now = now - 86400
      assert.is_true(store:add("lock", "y", 300))
      assert.equal("x", store:get "state")
      assert.equal("x", store:get "for ever")
    end)

  it("loses nothing of fifty processes at once #fast", function()
    process.write(dir .. "/one.lua", [[
      local store = require("balance").store.sqlite(arg[1])
      local number = arg[2]
      local won = assert(store:add("lock", number, 600) ~= nil)
        and store:get "lock" == number
      for i = 1, 3 do
        assert(store:set("key " .. number .. " " .. i, number))
      end
      local file = io.open(arg[1] .. "." .. number, "w")
      file:write(tostring(won))
      file:close()
    ]])
    local output, status = process.run(("seq 50 | xargs -P 50 -I @ %s"
      .. " %s/one.lua %s @"):format(process.plain_lua, dir, path))
    assert.equal("", output)
    assert.equal(0, status)
    local store, winners = open(), 0
    for number = 1, 50 do
      local won = process.read(path .. "." .. number)
      winners = winners + (won == "true" and 1 or 0)
      for i = 1, 3 do
        assert.equal(tostring(number),
          store:get("key " .. number .. " " .. i))
      end
    end
    assert.equal(1, winners)
  end)

  it("loses nothing where a process is killed while it writes", function()
    process.write(dir .. "/writer.lua", [[
      local store = require("balance").store.sqlite(arg[1])
      local log = io.open(arg[1] .. ".log", "a")
      log:setvbuf "no"
      for i = 1, 1e9 do
        assert(store:set("key", ("%d "):format(i):rep(3000)))
        log:write(i, "\n")
      end
    ]])
    for round = 1, 8 do
      process.write(path .. ".log", "")
      process.run(("%s %s/writer.lua %s & pid=$!; sleep 0.%d; kill -9 $pid;"
        .. " wait $pid"):format(process.plain_lua, dir, path, 1 + round % 3))
      local store = open()
      local value, err = store:get "key"
      assert.is_nil(err)
      local last = (process.read(path .. ".log") or ""):match "(%d+)\n$"
      local number = tonumber(value and value:match "^%d+")
      if last then -- the last that was told, or the one after it
        assert.is_true(number == tonumber(last)
          or number == tonumber(last) + 1, value:sub(1, 20) .. last)
      end
      if value then
        assert.equal(("%d "):format(number):rep(3000), value)
      end
      store:close()
    end
  end)

  it("keeps a monitor's states", function()
    local monitor = require "balance.monitor"
    local watching = require "support.watching"
    local world = watching.world { udio = 776.56 }
    local watched, settings = watching.monitor(world, { store = open() })
    watching.round(world, watched)
    settings.store = balance.store.sqlite(path)
    local shown = monitor.new(settings):snapshot()
    assert.is_nil(shown.problem)
    assert.equal(776.56, shown.accounts[1].available)
    process.write(path, "x")
    settings.store = balance.store.sqlite(path)
    assert.matches("the store: .*: file is not a database",
      monitor.new(settings):snapshot().problem)
  end)
end)

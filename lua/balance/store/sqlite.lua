-- SPDX-License-Identifier: MIT
--- A store in an SQLite file, for scripts and commands that run again and again,
-- several at once. It needs LuaSQL's driver for SQLite (Debian:
-- lua-sql-sqlite3; LuaRocks: luasql-sqlite3), which is loaded here alone. The
-- methods are those of `balance.store.memory`, and `atomically`.
--
-- Each change is a transaction: a process that ends at any moment loses nothing
-- that was there before, and a failure of the power the last seconds at most. The
-- file is opened by the first call, which also says what is wrong with it; one
-- that is damaged, of another program or of a newer version is left as it is.
-- SQLite has two files beside it meanwhile, so that the directory must be writable
-- for readers, too, and not on a network.
-- @module balance.store.sqlite

local core = require "balance.core"
local mistakes = require "balance.mistake"
local schema = require "balance.schema"
local text = require "balance.text"

local _M = {}

local application_id = 0x62616c61 -- "bala", in the file's head
local format = 1 -- the file's user_version
local patience = 5 -- seconds for others to finish
local pause = 0.004 -- seconds at most, from one try to the next
local purge_interval = 100 -- changes, after which what has expired is removed
local short = 86400 -- seconds; what lives longer is no lock

local Store = {}
Store.__index = Store

-- Does what may have to wait for others. SQLite itself would sleep longer with
-- each try, and those who came first would wait longest.
local function patiently(try, connection, sql)
  local deadline = core.now() + patience
  while true do
    local value, err = try(connection, sql)
    if value or not tostring(err):find "database is locked"
      or core.now() > deadline then
      return value, err
    end
    core.sleep(pause * (0.2 + 0.8 * core.random()))
  end
end

local function execute(connection, sql)
  return connection:execute(sql)
end

-- The first row of a query, as a list; an empty one where there is none.
local function query(connection, sql)
  local cursor, err = connection:execute(sql)
  if not cursor then
    return nil, err
  end
  local row
  row, err = cursor:fetch({}, "n")
  cursor:close()
  return row or not err and {} or nil, err
end

-- Calls a function in a transaction. It returns a value, or nil and why nothing
-- is to change.
local function transact(connection, body)
  local ok, err = patiently(execute, connection, "BEGIN IMMEDIATE")
  if not ok then
    return nil, err
  end
  local returned, value
  returned, value, err = pcall(body)
  ok = returned and value ~= nil
  if ok then
    ok, err = patiently(execute, connection, "COMMIT")
  end
  if not ok then
    connection:execute "ROLLBACK"
  end
  if not returned then
    error(value, 0)
  end
  return ok and value or nil, err
end

local questions = { "SELECT count(*) FROM sqlite_master",
  "PRAGMA application_id", "PRAGMA user_version", "PRAGMA quick_check(1)" }

-- What a file is: "ours" or "new"; nil and what is wrong. The tables are asked for
-- first: where there is one, the two numbers do not change any more. Where there is
-- none, somebody may make them, unless this is a transaction.
local function look(connection, is_transaction)
  local answers = {}
  for i, sql in ipairs(questions) do
    local row, err = patiently(query, connection, sql)
    if not row then
      return nil, err
    end
    answers[i] = row[1]
    if answers[1] == 0 and not is_transaction then
      return "new"
    end
  end
  local count, id, version, sound = answers[1], answers[2], answers[3],
    answers[4]
  if count == 0 and id == 0 and version == 0 then
    return "new"
  elseif id ~= application_id then
    return nil, "it is another program's"
  elseif version ~= format then
    return nil, "it is of a newer version"
  elseif sound ~= "ok" then
    return nil, tostring(sound)
  end
  return "ours"
end

local creation = {
  ("PRAGMA application_id = %d"):format(application_id),
  ("PRAGMA user_version = %d"):format(format),
  "CREATE TABLE entries (key BLOB PRIMARY KEY, value BLOB NOT NULL,"
    .. " expires REAL, lifetime REAL) WITHOUT ROWID",
}

-- Makes the table in a new file. Somebody else may have just done so.
local function create(connection)
  return transact(connection, function()
    local found, err = look(connection, true)
    for _, sql in ipairs(found == "new" and creation or {}) do
      if found then
        found, err = connection:execute(sql)
      end
    end
    return found or nil, err
  end)
end

-- Returns true where a file is a store. Only then its journal is made a
-- write-ahead log: with a rollback journal, of fifty at once the last would wait
-- for more than a second. Where that cannot be, as on a file that may only be
-- read, the journal stays as it is.
local function check(connection)
  local found, err = look(connection)
  if found == "new" then
    found, err = create(connection)
  end
  if not found then
    return nil, err
  end
  local journal = patiently(query, connection, "PRAGMA journal_mode = WAL")
  if journal and journal[1] == "wal" then
    return connection:execute "PRAGMA synchronous = NORMAL"
  end
  return true
end

local function load_driver()
  local ok, driver = pcall(require, "luasql.sqlite3")
  if not ok then
    mistakes.pass_on(driver)
    return nil, "LuaSQL's driver for SQLite is missing (Debian:"
      .. " lua-sql-sqlite3, LuaRocks: luasql-sqlite3): "
      .. tostring(driver):match "[^\n]*"
  end
  return driver
end

-- Whether what is there may be given to SQLite. It takes a file of one byte for
-- empty, and would overwrite it; and it would wait for a FIFO's writer.
local function may_open(path)
  local size, problem = core.stat_file(path)
  if size == 1 then
    return nil, "file is not a database"
  elseif size then
    return true
  end
  return nil, "it cannot be opened: " .. problem:gsub("_", " ")
end

-- Where Ctrl-C came, there may be a cursor, and the driver refuses to close.
local function close_connection(connection)
  local ok, is_closed = pcall(connection.close, connection)
  if not ok or not is_closed then
    collectgarbage() -- closes the cursor
    collectgarbage()
    connection:close()
  end
end

local function close(store)
  if store.connection then
    close_connection(store.connection)
  end
  if store.environment then
    store.environment:close()
  end
  store.connection, store.environment = nil, nil
end

-- Closes a file that was removed or replaced: SQLite would go on in it. Its log
-- does not belong to the new one.
local function leave_old_file(store)
  local _, _, identity = core.stat_file(store.path)
  if identity ~= store.identity then
    close(store)
    os.remove(store.path .. "-wal")
    os.remove(store.path .. "-shm")
  end
end

-- The connection; nil and why there is none.
local function open(store)
  if store.connection and not store.transaction then
    leave_old_file(store)
  end
  if store.connection then
    return store.connection
  end
  local driver, err = load_driver()
  if not driver then
    return nil, err
  elseif store.path:find(":memory:", 1, true) then
    return nil, "the driver keeps no file of a name with ':memory:'"
  end
  local created
  created, err = core.create_file(store.path)
  local ok = created
  if created == false then
    ok, err = may_open(store.path)
  end
  if not ok then
    return nil, err
  end
  store.environment = driver.sqlite3()
  local connection
  -- "./", since SQLite may take a name that begins with "file:" for a URI.
  connection, err = store.environment:connect(
    (store.path:find "^/" and "" or "./") .. store.path)
  if not connection then
    return nil, err
  end
  ok, err = check(connection)
  if not ok then
    connection:close()
    return nil, err
  end
  store.connection = connection
  store.identity = select(3, core.stat_file(store.path))
  return connection
end

-- A message of the driver's, with the path of the file. The next call looks at
-- the file anew. A transaction first has to end.
local function fail(store, err)
  if store.transaction then
    store.transaction.problem = store.transaction.problem or err
  else
    close(store)
  end
  err = tostring(err):gsub("^LuaSQL: ", "")
  local named = store.path .. ": "
  return nil, err:sub(1, #named) == named and err or named .. err
end

local hex = {}
for byte = 0, 255 do
  hex[string.char(byte)] = ("%02x"):format(byte)
end

-- Bytes in SQL. The driver would end a text at a zero byte.
local function quote(bytes)
  return "x'" .. bytes:gsub(".", hex) .. "'"
end

-- The condition for an entry to be there. What lives for a short time is over,
-- too, where the clock was set back by more than that: a lock must not hold for
-- a day.
local function is_there(now)
  now = text.shortest(now)
  return ("(expires IS NULL OR expires > %s AND (lifetime > %d"
    .. " OR expires <= %s + 2 * lifetime))"):format(now, short, now)
end

local put = "INSERT INTO entries (key, value, expires, lifetime)"
  .. " VALUES (%s, %s, %s, %s) ON CONFLICT (key) DO UPDATE SET"
  .. " value = excluded.value, expires = excluded.expires,"
  .. " lifetime = excluded.lifetime%s"

-- Runs statements as one transaction, or as a part of the one that there is.
-- Returns what the first changed.
local function change(store, ...)
  local connection, err = open(store)
  if not connection then
    return fail(store, err)
  end
  local statements = { ... }
  local function run()
    local changed
    for i, sql in ipairs(statements) do
      local ok, problem = connection:execute(sql)
      if not ok then
        return nil, problem
      end
      changed = changed or i == 1 and ok
    end
    return changed
  end
  local changed
  if store.transaction then
    changed, err = run()
  else
    changed, err = transact(connection, run)
  end
  if not changed then
    return fail(store, err)
  end
  return changed
end

-- Writes an entry, where a condition for the one that is there holds. Returns
-- how many were written.
local function write(store, key, value, exptime, condition)
  local now = store.now()
  local expires, lifetime = "NULL", "NULL"
  if exptime and exptime > 0 then
    expires, lifetime = text.shortest(now + exptime), text.shortest(exptime)
  end
  store.changes = store.changes + 1
  return change(store, put:format(quote(key), quote(value), expires, lifetime,
    condition or ""), store.changes % purge_interval == 1
      and "DELETE FROM entries WHERE expires <= " .. text.shortest(now) or nil)
end

--- The value under a key.
-- @tparam string key
-- @treturn ?string nil where there is none, or it has expired
-- @treturn ?string where it failed, why
function Store:get(key)
  local connection, err = open(self)
  local row
  if connection then
    row, err = patiently(query, connection, ("SELECT value FROM entries WHERE"
      .. " key = %s AND %s"):format(quote(key), is_there(self.now())))
  end
  if not row then
    return fail(self, err)
  end
  return row[1]
end

--- Puts a value under a key.
-- @tparam string key
-- @tparam string value any bytes
-- @tparam ?number exptime seconds; nil or 0: it does not expire
-- @treturn ?boolean true
-- @treturn ?string where it failed, why; what was there is still there
function Store:set(key, value, exptime)
  local changed, err = write(self, key, value, exptime)
  return changed and true or nil, err
end

--- Puts a value under a key that has no value.
-- @tparam string key
-- @tparam string value
-- @tparam ?number exptime as of `set`
-- @treturn ?boolean true; false and "exists"; or nil
-- @treturn ?string then, why it failed
function Store:add(key, value, exptime)
  local changed, err = write(self, key, value, exptime,
    " WHERE NOT " .. is_there(self.now()))
  if not changed then
    return nil, err
  elseif changed == 0 then
    return false, "exists"
  end
  return true
end

--- Removes what is under a key.
-- @tparam string key
-- @treturn ?boolean true, whether there was something or not
-- @treturn ?string where it failed, why
function Store:delete(key)
  local changed, err = change(self,
    "DELETE FROM entries WHERE key = " .. quote(key))
  return changed and true or nil, err
end

--- Calls a function that reads entries, and changes some. Nobody else changes any
-- meanwhile, and all of its changes are kept, or none.
-- @tparam function body must not wait
-- @treturn ?boolean true
-- @treturn ?string where it failed, why
-- @treturn ?boolean then, whether `body` was called
-- @raise what it raised
function Store:atomically(body)
  if self.transaction then
    error("balance.store.sqlite: atomically within atomically", 2)
  end
  local connection, err = open(self)
  if not connection then
    return fail(self, err)
  end
  local transaction = {}
  local returned, ok
  returned, ok, err = pcall(transact, connection, function()
    self.transaction = transaction
    body()
    return not transaction.problem or nil, transaction.problem
  end)
  local called = self.transaction ~= nil
  self.transaction = nil
  if not returned then
    error(ok, 0)
  elseif not ok then
    return nil, select(2, fail(self, err)), called
  end
  return true
end

--- Closes the file. The next call opens it again. A process that forks closes
-- it before: a connection must not be used on both sides.
function Store:close()
  close(self)
end

local known = { now = { "function" } }

--- Makes a store.
-- @tparam string path of the file; it is made where it is missing, with mode
-- 0600
-- @tparam ?table options `now`: the clock, a function, Unix time in seconds
-- @treturn table with `close()`, too
-- @raise for a wrong option, or a path that is no string
function _M.new(path, options)
  local given, mistake = schema.read_options(options, known)
  if type(path) ~= "string" or path == "" or path:find("\0", 1, true) then
    mistake = "a path must be a string, and not empty"
  end
  if mistake then
    error("balance.store.sqlite: " .. mistake, 2)
  end
  return setmetatable({
    path = path, now = given.now or core.time, changes = 0,
  }, Store)
end

return _M

-- SPDX-License-Identifier: MIT
--- A store in an SQLite file, for scripts and commands that run again and again,
-- several at once. It needs LuaSQL's driver for SQLite (Debian:
-- lua-sql-sqlite3; LuaRocks: luasql-sqlite3), which is loaded here alone. The
-- methods are those of `balance.store.memory`, and `atomically`.
--
-- Each change is a transaction with a rollback journal: a crash at any moment
-- loses nothing that was there before. (A write-ahead log would be quicker, but
-- needs shared memory and a directory that can be written to by readers, too.)
-- The file is opened by the first call, which also says what is wrong with it;
-- one that is damaged, of another program or of a newer version is left as it
-- is.
-- @module balance.store.sqlite

local core = require "balance.core"
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
    if not err or not tostring(err):find "database is locked"
      or core.now() > deadline then
      return value, err
    end
    core.sleep(pause * (0.25 + 0.75 * core.random()))
  end
end

local function execute_once(connection, sql)
  return connection:execute(sql)
end

local function ask_once(connection, sql)
  local cursor, err = connection:execute(sql)
  if not cursor then
    return nil, err
  end
  local value
  value, err = cursor:fetch()
  cursor:close()
  return value, err
end

-- One value of a query: the first row's first.
local function ask(connection, sql)
  return patiently(ask_once, connection, sql)
end

-- Runs statements. Returns what the first changed.
local function execute(connection, ...)
  local changed
  for i, sql in ipairs { ... } do
    local ok, err = connection:execute(sql)
    if not ok then
      return nil, err
    end
    changed = i == 1 and ok or changed
  end
  return changed
end

-- Calls a function in a transaction. Returns what it does; where that is nil,
-- nothing has changed.
local function transact(connection, body)
  local ok, err = patiently(execute_once, connection, "BEGIN IMMEDIATE")
  if not ok then
    return nil, err
  end
  local returned, value
  returned, value, err = pcall(body)
  if returned and value then
    ok, err = patiently(execute_once, connection, "COMMIT")
  end
  if not (returned and value and ok) then
    connection:execute "ROLLBACK"
  end
  if not returned then
    error(value, 0)
  end
  return ok and value, err
end

local creation = {
  ("PRAGMA application_id = %d"):format(application_id),
  ("PRAGMA user_version = %d"):format(format),
  "CREATE TABLE entries (key BLOB PRIMARY KEY, value BLOB NOT NULL,"
    .. " expires REAL, lifetime REAL) WITHOUT ROWID",
}

local tables = "SELECT count(*) FROM sqlite_master"

-- Makes the table in a new file. Somebody else may have just done so.
local function create(connection)
  return transact(connection, function()
    local is_new = ask(connection, "PRAGMA application_id") == 0
      and ask(connection, "PRAGMA user_version") == 0
      and ask(connection, tables) == 0
    if is_new then
      return execute(connection, creation[1], creation[2], creation[3])
    end
    return true
  end)
end

-- Returns true where a file is a store. The tables are asked for first: where
-- there is one, the two numbers do not change any more.
local function check(connection)
  local count, id, version, err
  count, err = ask(connection, tables)
  if count == 0 then
    local ok
    ok, err = create(connection)
    count = ok and count
  end
  if count then
    id, err = ask(connection, "PRAGMA application_id")
  end
  if id then
    version, err = ask(connection, "PRAGMA user_version")
  end
  if not version then
    return nil, err
  end
  if id ~= application_id then
    return nil, "it is another program's"
  elseif version ~= format then
    return nil, "it is of a newer version"
  end
  local sound
  sound, err = ask(connection, "PRAGMA quick_check(1)")
  return sound == "ok" or nil, err or tostring(sound)
end

local function load_driver()
  local ok, driver = pcall(require, "luasql.sqlite3")
  if not ok then
    return nil, "LuaSQL's driver for SQLite is missing (Debian:"
      .. " lua-sql-sqlite3, LuaRocks: luasql-sqlite3): "
      .. tostring(driver):match "[^\n]*"
  end
  return driver
end

-- Whether what is there may be given to SQLite. It takes a file of one byte for
-- empty, and would overwrite it; and it would wait for a FIFO's writer.
local function may_open(path)
  local start, problem = core.read_file(path, 1)
  if start and #start == 1 then
    return nil, "file is not a database"
  elseif start or problem == "too_large" then
    return true
  end
  return nil, "it cannot be opened: " .. problem:gsub("_", " ")
end

-- The connection; nil and why there is none.
local function open(store)
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
  return connection
end

local function close(store)
  if store.connection then
    store.connection:close()
  end
  if store.environment then
    store.environment:close()
  end
  store.connection, store.environment = nil, nil
end

-- A message of the driver's, with the path of the file. The next call looks at
-- the file anew: it may have been removed or replaced. A transaction first has
-- to end.
local function fail(store, err)
  if store.transaction then
    store.transaction.problem = err
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
local function change(store, connection, ...)
  if store.transaction then
    return execute(connection, ...)
  end
  local statements = { ... }
  return transact(connection, function()
    return execute(connection, statements[1], statements[2])
  end)
end

-- Writes an entry, where a condition for the one that is there holds. Returns
-- how many were written.
local function write(store, key, value, exptime, condition)
  local connection, err = open(store)
  if not connection then
    return fail(store, err)
  end
  local now = store.now()
  local expires, lifetime = "NULL", "NULL"
  if exptime and exptime > 0 then
    expires, lifetime = text.shortest(now + exptime), text.shortest(exptime)
  end
  store.changes = store.changes + 1
  local changed
  changed, err = change(store, connection, put:format(quote(key),
    quote(value), expires, lifetime, condition or ""),
    store.changes % purge_interval == 1
      and "DELETE FROM entries WHERE expires <= " .. text.shortest(now) or nil)
  if not changed then
    return fail(store, err)
  end
  return changed
end

--- The value under a key.
-- @tparam string key
-- @treturn ?string nil where there is none, or it has expired
-- @treturn ?string where it failed, why
function Store:get(key)
  local connection, err = open(self)
  if not connection then
    return fail(self, err)
  end
  local value
  value, err = ask(connection, ("SELECT value FROM entries WHERE key = %s"
    .. " AND %s"):format(quote(key), is_there(self.now())))
  if err then
    return fail(self, err)
  end
  return value
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
  local connection, err = open(self)
  local changed
  if connection then
    changed, err = change(self, connection,
      "DELETE FROM entries WHERE key = " .. quote(key))
  end
  if not changed then
    return fail(self, err)
  end
  return true
end

--- Calls a function that reads and changes entries. Nobody else changes any
-- meanwhile, and all of its changes are kept, or none.
-- @tparam function body must not wait
-- @treturn ?boolean true
-- @treturn ?string where it failed, why
-- @treturn ?boolean then, whether `body` was called
-- @raise what it raised
function Store:atomically(body)
  local connection, err = open(self)
  if not connection then
    return fail(self, err)
  end
  local transaction, called = {}, false
  self.transaction = transaction
  local returned, ok
  returned, ok, err = pcall(transact, connection, function()
    called = true
    body()
    return not transaction.problem, transaction.problem
  end)
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

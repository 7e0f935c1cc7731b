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

local connections = require "balance.store.sqlite_connection"
local core = require "balance.core"
local mistakes = require "balance.mistake"
local schema = require "balance.schema"
local text = require "balance.text"

local _M = {}

local purge_interval = 100 -- changes, after which what has expired is removed
local short = 86400 -- seconds; what lives longer is no lock

local Store = {}
Store.__index = Store

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
  ok, err = connections.prepare(connection)
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
    changed, err = connections.transact(connection, run)
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
    row, err = connections.ask(connection, ("SELECT value FROM entries WHERE"
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
  returned, ok, err = pcall(connections.transact, connection, function()
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

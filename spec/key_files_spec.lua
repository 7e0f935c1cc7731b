-- SPDX-License-Identifier: MIT
--
-- What may be in a file with keys, what is done where it cannot be read, and
-- what reading costs.
local balance_text = require "balance.text"
local core = require "balance.core"
local credentials = require "balance.credentials"
local home = require "support.home"
local odd = require "balance.credentials.odd"
local process = require "support.process"
local tccli_file = require "balance.credentials.tccli_file"
local tencent = require "balance.provider.tencent"
local tencent_file = require "balance.credentials.tencent_file"

local fifo, path_of, write = home.fifo, home.path_of, home.write

local function find(options, variables)
  return credentials.find(tencent, { options or {} }, {
    loop = {}, home = home.path,
    getenv = function(name) return variables and variables[name] end,
  })
end

before_each(home.make)
after_each(home.remove)

describe("a file with keys", function()
  it("is read whole, with its permission bits", function()
    local path = write("file", "a\0b\r\n")
    process.run("chmod 640 " .. path)
    local text, mode = core.read_file(path, 10)
    assert.equal("a\0b\r\n", text)
    assert.equal(tonumber("640", 8), mode)
    process.run("chmod 600 " .. path .. " && ln -s file " .. path_of "link")
    text, mode = core.read_file(path_of "link", 5)
    assert.equal("a\0b\r\n", text)
    assert.equal(tonumber("600", 8), mode)
    assert.equal("", (core.read_file(write("empty", ""), 0)))
    local most = ("x"):rep(65536)
    assert.equal(most, (core.read_file(write("most", most), 65536)))
  end)

  it("is looked at without being opened", function()
    local path = write("file", "12345")
    process.run("chmod 640 " .. path)
    local size, mode, identity = core.stat_file(path)
    assert.same({ 5, 416 }, { size, mode }) -- 0640
    assert.equal(identity, select(3, core.stat_file(path)))
    assert.not_equal(identity,
      select(3, core.stat_file(write("other", "12345"))))
    for name, problem in pairs { nowhere = "missing", [".tccli"] =
      "not_a_file", ["file/below"] = "missing" } do
      assert.same({ n = 2, nil, problem },
        { n = 2, core.stat_file(path_of(name)) })
    end
    assert.same({ n = 2, nil, "not_a_file" },
      { n = 2, core.stat_file(fifo "fifo") })
    assert.equal("missing", select(2, core.stat_file "file\0x"))
  end)

  it("must be a regular file, of some size", function()
    local file = write("file", "12345")
    local pipe = fifo "pipe"
    process.run("ln -s pipe " .. path_of "link")
    for path, why in pairs {
      [pipe] = "not_a_file", [path_of "link"] = "not_a_file",
      ["/dev/null"] = "not_a_file", ["/dev/zero"] = "not_a_file",
      ["/dev/tty"] = "not_a_file", ["/dev/ptmx"] = "not_a_file",
      [home.path] = "not_a_file", [path_of "none"] = "missing",
      [file .. "/below"] = "missing", [file .. "\0"] = "missing",
      [""] = "missing", [file] = "too_large",
    } do
      local text, problem = core.read_file(path, 4)
      assert.is_nil(text)
      assert.equal(why, problem)
    end
    assert.has_error(function() core.read_file(file, 65537) end)
    assert.has_error(function() core.read_file(file, -1) end)
    assert.has_error(function() core.read_file() end)
  end)

  it("that is none is passed by, and nothing waits for it", function()
    local pipe = fifo "pipe"
    local message = select(2, find { credentials_file = pipe })
    assert.matches("(" .. pipe .. ": not a file)", message, 1, true)
    message = select(2, find({}, { TENCENTCLOUD_CREDENTIALS_FILE = pipe }))
    assert.matches("(" .. pipe .. ": not a file)", message, 1, true)
    fifo ".tencentcloud/credentials"
    fifo ".tccli/default.credential"
    message = select(2, find())
    assert.matches("~/.tencentcloud/credentials (not a file)", message, 1,
      true)
    assert.matches("~/.tccli/default.credential (not a file)", message, 1,
      true)
  end)

  it("that an option names is not replaced by tccli's", function()
    write(".tccli/default.credential", '{"secretId":"I","secretKey":"K"}')
    local set, message = find { credentials_file = home.path .. "/none" }
    assert.is_nil(set)
    assert.matches("/none: not there%)$", message)
    assert.equal("I", find({}, {
      TENCENTCLOUD_CREDENTIALS_FILE = home.path .. "/none" }).secret_id)
  end)

  it("that an option names comes before the environment's keys", function()
    local variables = { TENCENTCLOUD_SECRET_ID = "e",
      TENCENTCLOUD_SECRET_KEY = "e" }
    local path = write("keys", "[default]\nsecret_id = d\nsecret_key = k\n"
      .. "[other]\nsecret_id = o\nsecret_key = k\n")
    assert.equal("d", find({ credentials_file = path }, variables).secret_id)
    write(".tencentcloud/credentials",
      "[other]\nsecret_id = h\nsecret_key = k\n")
    assert.equal("h", find({ profile = "other" }, variables).secret_id)
    assert.is_nil((find({ profile = "none" }, variables)))
    assert.equal("e", find({ profile = "" }, variables).secret_id)
    variables.TENCENTCLOUD_PROFILE = "other" -- a variable, not an option
    assert.equal("e", find({}, variables).secret_id)
    -- nor are the client's keys taken where the call names a profile
    local set = credentials.find(tencent, { { profile = "other" },
      { secret_id = "c", secret_key = "k" } },
      { loop = {}, home = home.path, getenv = function() end })
    assert.equal("h", set.secret_id)
  end)

  it("of a profile that is not there is not tccli's default one", function()
    write(".tencentcloud/credentials",
      "[default]\nsecret_id = d\nsecret_key = k\n")
    write(".tccli/default.credential", '{"secretId":"I","secretKey":"K"}')
    assert.is_nil((find({}, { TENCENTCLOUD_PROFILE = "prod" })))
    assert.equal("I", find({}, { TENCENTCLOUD_PROFILE = "prod",
      TCCLI_PROFILE = "default" }).secret_id)
  end)

  it("has an end to a value that goes on", function()
    local path = write("keys", "[default]\nother = a\\\n  b\n[b;\n"
      .. "secret_id = i\nsecret_key = k\n")
    local message = select(2, find { credentials_file = path })
    assert.matches("line 4 is no setting", message, 1, true)
  end)

  it("may be below the home directory, by a tilde", function()
    write("keys", "[default]\nsecret_id = i\nsecret_key = k\n")
    assert.equal("i", find({ credentials_file = "~/keys" }).secret_id)
    assert.equal("i", find({}, { TENCENTCLOUD_CREDENTIALS_FILE = " ~/keys\r" })
      .secret_id)
    local message = select(2, find { credentials_file = "~/none" })
    assert.matches("the file of option 'credentials_file' (" .. home.path
      .. "/none: not there)", message, 1, true)
    message = select(2, find { credentials_file = home.path .. "/~/keys" })
    assert.matches("(" .. home.path .. "/~/keys: not there)", message, 1, true)
    message = select(2, credentials.find(tencent,
      { { credentials_file = "~/keys" } },
      { loop = {}, home = false, getenv = function() end }))
    assert.matches("(HOME is not set)", message, 1, true)
  end)

  it("is not blamed, nor passed by, where no descriptor is left", function()
    local keys = write("keys", "[default]\nsecret_id = i\nsecret_key = k\n")
    write(".tccli/default.credential", '{"secretId":"I","secretKey":"K"}')
    local output = process.run_lua([[
      local credentials = require "balance.credentials"
      local tencent = require "balance.provider.tencent"
      local open = {}
      local file
      repeat
        file = io.open "/dev/null"
        open[#open + 1] = file
      until not file
      local set, message, about = credentials.find(tencent,
        { { credentials_file = arg[1] } }, {
        loop = {}, home = arg[2], getenv = function() end,
      })
      for _, each in ipairs(open) do each:close() end
      io.write(set and set.secret_id or message, "|", about and about.kind)
    ]], "sh -c 'ulimit -n 64; exec \"$@\"' sh", keys, home.path)
    assert.equal("the file of option 'credentials_file' (" .. keys
      .. ": this system has no file descriptor or memory left to read it)"
      .. "|resource", output)
  end)
end)

describe("the credentials file of the SDKs", function()
  local function read(text, options)
    write(".tencentcloud/credentials", text)
    local set, message = find(options)
    return set, message:match "/credentials (%b())"
  end

  local keys = "secret_id = i\nsecret_key = k\n"

  it("may hold anything that nobody asked for", function()
    for _, text in ipairs {
      "[default]\n" .. keys .. "[other]\nno setting\n",
      "no setting\n[other]\n{ [ \" '\n= x\n[default]\n" .. keys,
      "secret_id = x\n[default]\n" .. keys,
      "[other]\nsecret_id = \"x\n[half\n[default]\n" .. keys,
      "[default]\napi.region = ap-x\n" .. keys,
      "[default]\n" .. keys .. "a b = c\nnote = \"half\nx@y : \n",
      "[default]\n" .. keys .. "note = one\n  two\n\n\tthree\n",
      "[default]\nnote = one \\\ntwo\n" .. keys,
      "[default]\nnote = one\n  [two\n" .. keys,
      "[other]\n" .. ("\0"):rep(100) .. "\n[default]\n" .. keys,
      "\239\187\191[other]\n\255\254\n[ default ]\r\n" .. keys .. "[x]\n\1",
    } do
      assert.same({ secret_id = "i", secret_key = "k" }, (read(text)))
    end
  end)

  it("must be right where it was asked for", function()
    for text, why in pairs {
      ["[default]\n" .. keys .. "no setting\n"] = "(line 4 is no setting)",
      ["[default]\n" .. keys .. "  no setting\n"] = "(line 4 is no setting)",
      ["[default]\n" .. keys .. "= x\n"] = "(line 4 is no setting)",
      ["[default]\n" .. keys .. "[half\n"] = "(line 4 is no setting)",
      ["[default]\n" .. keys .. "[x = y\n"] = "(line 4 is no setting)",
      ["[default]\n" .. keys .. "note = one\ntwo\n"] =
        "(line 5 is no setting)",
      ["[other]\nx\n[default]\nsecret_id = 'i\n"] = "(line 4 is no setting)",
      ["[default]\nsecret_id = i\n  more\n"] = "(line 3 is no setting)",
      ["[default]\n" .. keys .. "[other]\n[default]\nbad\n"] =
        "(line 6 is no setting)",
    } do
      local set, said = read(text)
      assert.is_nil(set)
      assert.equal(why, said)
    end
  end)

  it("may have a section twice", function()
    assert.same({ secret_id = "i", secret_key = "K", token = "t" },
      (read("[default]\n" .. keys .. "[other]\ntoken = no\n"
        .. "[default]\nSECRET_KEY = K\ntoken = t\n")))
  end)

  it("reads its names alike in every locale", function()
    assert.same({ secret_id = "i", secret_key = "k" },
      (read "[default]\nSECRET_ID = i\nSecret_Key = k\n"))
  end)
end)

describe("what is read from the world", function()
  local most = 65536

  -- Files without an end.
  local bad = { " ", "\t", "[", "[ ", " ]", "x ", "\r", "\"", "'", "=", " =",
    "a=", "x = y ", " #", "#", "[x] ", "\n ", "\n[", "\\", "{", "\0", "\255",
    "a", "-", "[default]\nx ", "~" }

  local function texts()
    local all = {}
    for _, piece in ipairs(bad) do
      for _, start in ipairs { "", "[", "[default]\nx=" } do
        local count = math.floor((most - #start - 1) / #piece)
        all[#all + 1] = start .. piece:rep(count) .. "x"
      end
    end
    return all
  end

  -- With quadratic time this would take half a minute.
  local function costs_little(read, ...)
    local started = os.clock()
    read(...)
    assert.is_true(os.clock() - started < 10)
  end

  it("costs time by its length alone", function()
    local content
    local context = {
      home = "/x", now = os.time, getenv = function() end,
      read = function() return content end,
    }
    local names = { { name = "key" } }
    for _, each in ipairs(texts()) do
      content = each
      costs_little(function() tencent_file.find({}, context) end)
      costs_little(function() tccli_file.find({}, context) end)
      costs_little(function()
        tencent_file.find({ profile = content }, context)
        tccli_file.find({ profile = content }, context)
      end)
      costs_little(balance_text.trim, content)
      costs_little(function() odd.hint(names, { key = content }) end)
    end
  end)
end)

-- SPDX-License-Identifier: MIT
--
-- The steps in the head of examples/openresty/nginx.conf, and the README's for
-- the sandbox and for nginx, word for word, as root and as an ordinary user.
local cjson = require "cjson"
local example = require "support.example"
local nginx = require "support.nginx"
local process = require "support.process"

describe("the steps of examples/openresty #nginx", function()
  local is_root = process.run "id -u" == "0\n"
  local readme = process.read "README.md"
  local dir, checkout, shell, sandbox

  before_each(function()
    sandbox, shell = nil, ""
    dir = process.run("mktemp -d /tmp/balance.XXXXXX"):gsub("%s+$", "")
    checkout = dir .. "/checkout"
  end)

  local function run(command)
    return process.run(("cd %s && %s %s"):format(checkout, shell, command))
  end

  local function is_running()
    local directories = process.run(shell .. " readlink /proc/[0-9]*/cwd")
    return directories:find(dir, 1, true) ~= nil
  end

  local function await_end()
    nginx.await("the end", function() return not is_running() end)
  end

  after_each(function()
    run "sh -c 'kill $(cat examples/openresty/nginx.pid)'"
    if sandbox then
      sandbox.stop()
    end
    await_end()
    process.run("rm -r " .. dir)
  end)

  -- The first block of code in a section of the README.
  local function block(heading)
    local text = assert(readme:match("\n## " .. heading .. "\n(.-)\n#"))
    return ((text .. "\n"):match("\n\n    (.-)\n\n"):gsub("\n    ", "\n"))
  end

  -- Copies the checkout to a directory that all users can read. Where
  -- `setpriv` and `owner` are given, it belongs to another user, who takes the
  -- steps and has no sbin in PATH.
  local function copy(setpriv, owner)
    local output, status = process.run(("mkdir -p %s/build && cp -a --parents"
      .. " Makefile .ci lua src spec/sandbox examples"
      .. " $(ls -d build/luajit 2>/dev/null) %s && chmod -R a+rX %s"
      .. (owner and " && chown -R %s %s" or "")):format(checkout, checkout,
      dir, owner, checkout))
    assert.equal(0, status, output)
    local path = (os.getenv "PATH" .. ":"):gsub("[^:]*sbin/?:", "")
    shell = ("%s env -i HOME=%s PATH=%s"):format(setpriv or "", checkout,
      process.quote(path))
  end

  local function files()
    return (run "find . -path ./build/luajit -prune -o -print | sort")
  end

  -- The example with the README's lines for a server, and a location that
  -- returns the worker's user.
  local function write_conf(port)
    local environment, location = block("OpenResty and nginx"):match(
      "^(env [^\n]+)\n(.+)$")
    local conf = example.replace(example.read_conf(), "location = /status {",
      location .. [[
    location = /user {
      content_by_lua_block {
        local status = io.open("/proc/self/status"):read("*a")
        ngx.say(status:match("Uid:%s*(%d+)"))
      }
    }
    location = /status {]])
    conf = environment .. "\n" .. conf:gsub("8080", ("%d"):format(port))
    process.write(checkout .. "/examples/openresty/nginx.conf", conf)
  end

  -- The steps as a script for a shell, with more requests before the last one.
  local function write_steps()
    local steps = example.lines_of(
      checkout .. "/examples/openresty/nginx.conf", "^#   (.+)$")
    local address = assert(steps:match("\ncurl [^\n]- (%S+)/status%.json\n"),
      steps)
    steps = steps:gsub("\n[^\n]+$", ("\ncurl %s/credits\ncurl %s/user%%0")
      :format(address, address))
    process.write(dir .. "/steps", process.read(dir .. "/exports")
      .. block "The sandbox" .. "\n" .. steps .. "\n")
  end

  -- Runs the script; returns the answers.
  local function follow()
    local command = readme:match("\n## The sandbox\n\n`(make %l+)`")
    sandbox = process.start(("cd %s && exec %s %s >../exports 2>&1"):format(
      checkout, shell, command))
    nginx.await(command, function()
      local text = process.read(dir .. "/exports") or ""
      return text:find("accounts.lua", 1, true)
    end)
    local output, status, errors
    for _ = 1, 10 do -- the port may be in use
      process.run(("rm -f %s/examples/openresty/error.log"):format(checkout))
      write_conf(20000 + process.run "od -An -N2 -tu2 /dev/urandom" % 12000)
      write_steps()
      output, status = run "sh -e <../steps 2>../errors"
      errors = process.read(dir .. "/errors")
      if not errors:find("Address already in use", 1, true) then
        break
      end
    end
    assert.equal(0, status, errors)
    return output
  end

  -- Follows the steps, and checks that all calls succeeded and that only files
  -- that .gitignore has are left. Returns the worker's user.
  local function try()
    local before = files()
    local output = follow()
    local refusal, balances, credits, user = output:match(
      "^(%b{}).-(%b{})([^\n]+)\n(%d+)\n$")
    assert.is_string(refusal, output)
    assert.equal(429, cjson.decode(refusal).code)
    local shown = cjson.decode(balances)
    for name, account in pairs(shown.accounts) do
      assert.is_true(account.is_up, name)
    end
    assert.equal(776.56, shown.accounts.tempolor.available)
    assert.equal(195, shown.accounts.udio.available)
    assert.equal(10000000000, shown.accounts.tencent.available)
    assert.equal("195", credits)
    assert.equal("", example.complaints_of(process.read(
      checkout .. "/examples/openresty/error.log")))

    sandbox.stop()
    sandbox = nil
    await_end()
    local after = files()
    for _, name in ipairs { "error.log", "tmp" } do
      after = example.replace(after,
        "./examples/openresty/" .. name .. "\n", "")
    end
    assert.equal(before, after)
    return user
  end

  it("lead to three balances where root takes them", function()
    if not is_root then
      pending "only root can give nginx's workers another user"
    end
    copy()
    assert.not_equal("0", try())
  end)

  it("lead to three balances where an ordinary user takes them", function()
    if is_root then
      copy("setpriv --reuid=65534 --regid=65534 --clear-groups",
        "65534:65534")
      assert.equal("65534", try())
    else
      copy()
      assert.equal(process.run "id -u", try() .. "\n")
    end
  end)
end)

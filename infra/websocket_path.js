// CloudFront's function for the viewer's request. API Gateway opens WebSockets at the root of its stage alone, so what
// the path /api/ws/{kind}/{id}?token=... says is put into the query, in place of whatever was there but the token.
// A path of any other form is answered as the builds contract answers what is nowhere.
// No safety rests on this: what opens a WebSocket judges kind, id and token, whoever sent them.
const PATH = /^\/api\/ws\/(build|analysis)\/([A-Za-z0-9_-]{1,64})$/;

function handler(event) {
    const request = event.request;
    const found = PATH.exec(request.uri);
    if (!found) {
        return notFound();
    }
    const query = { kind: { value: found[1] }, id: { value: found[2] } };
    if (request.querystring.token) {
        // The first one, where there are several.
        query.token = { value: request.querystring.token.value };
    }
    request.uri = '/';
    request.querystring = query;
    return request;
}

function notFound() {
    const body = {
        error: 'not_found',
        detail: 'There is nothing at this path.',
        status_code: 404,
        timestamp: new Date().toISOString(),
    };
    return {
        statusCode: 404,
        statusDescription: 'Not Found',
        headers: {
            'content-type': { value: 'application/json' },
            'cache-control': { value: 'no-store' },
            'x-content-type-options': { value: 'nosniff' },
        },
        body: JSON.stringify(body),
    };
}

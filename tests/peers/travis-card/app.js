// SPDX-License-Identifier: Apache-2.0
// An app of Backstage of one page: content, for an entity. token is what Backstage gave
// to the user who has signed in; what the page complains about goes to complain().
import React from 'react';
import {
	AppRouter, createFetchApi, createSpecializedApp, FetchMiddlewares,
} from '@backstage/core-app-api';
import {
	createApiFactory, discoveryApiRef, errorApiRef, fetchApiRef, identityApiRef,
} from '@backstage/core-plugin-api';
import { EntityProvider } from '@backstage/plugin-catalog-react';
import { UnifiedThemeProvider, themes } from '@backstage/theme';
import ReactDOM from 'react-dom';
import { MemoryRouter } from 'react-router-dom';

const element = React.createElement;

function signIn(token) {
	const identity = {
		getCredentials: async () => ({ token }),
		getProfileInfo: async () => ({}),
		getBackstageIdentity: async () => ({
			type: 'user', userEntityRef: 'user:default/guest', ownershipEntityRefs: [] }),
		signOut: async () => {},
	};

	return function SignInPage({ onSignInSuccess }) {
		React.useEffect(() => onSignInSuccess(identity), [onSignInSuccess]);
		return null;
	};
}

export function showPage({ backend, token, complain, plugins, entity, content }) {
	const app = createSpecializedApp({
		apis: [
			createApiFactory(discoveryApiRef, {
				getBaseUrl: async id => `${backend}/api/${id}` }),
			createApiFactory(errorApiRef, {
				post: complain, error$: () => ({ subscribe() {} }) }),
			createApiFactory({
				api: fetchApiRef,
				deps: { identityApi: identityApiRef },
				factory: ({ identityApi }) => createFetchApi({ middleware:
					FetchMiddlewares.injectIdentityAuth({
						identityApi, urlPrefixAllowlist: [backend] }) }),
			}),
		],
		plugins,
		icons: new Proxy({}, { get: () => () => null }),
		themes: [{ id: 'light', title: 'Light', variant: 'light', Provider: ({ children }) =>
			element(UnifiedThemeProvider, { theme: themes.light }, children) }],
		configLoader: async () => [{ context: 'test', data: {
			travisci: { baseUrl: 'https://app.travis-ci.com/github/' } } }],
		components: {
			Progress: () => null,
			Router: MemoryRouter,
			SignInPage: signIn(token),
			ErrorBoundaryFallback: ({ error }) => complain(error) || null,
			BootErrorPage: ({ error }) => complain(error) || null,
			NotFoundErrorPage: () => null,
		},
	});
	const page = element(AppRouter, null, element(EntityProvider, { entity }, element(content)));

	ReactDOM.render(element(app.createRoot(page)),
		document.body.appendChild(document.createElement('div')));
}
